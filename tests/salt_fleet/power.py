# SPDX-License-Identifier: Apache-2.0
"""What a reboot of Windows does to the minion on it: it goes away, and comes back or does not."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from .fleet import Fleet

#: Seconds between the order and the end, so that the answer gets out, as Windows' delay lets it.
GRACE = 2


class Power:
    """Watches the machines that minions play, and ends and starts the minions when their machines reboot."""

    def __init__(self, fleet: Fleet, machines: dict[str, Path], lost: Sequence[str] = ()) -> None:
        """Watch `machines`, files by minion; those in `lost` never come back from a reboot."""
        self._fleet = fleet
        self._machines = machines
        self._lost = set(lost)
        self._boots = {name: self._boot(name) for name in machines}
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        #: Minions that were rebooted, in order.
        self.reboots: list[str] = []

    def __enter__(self) -> Power:
        self._thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        self._thread.join()

    def _boot(self, name: str) -> Any:
        return yaml.safe_load(self._machines[name].read_text())["boot_time"]

    def _watch(self) -> None:
        cycles = []
        while not self._end.wait(0.3):
            for name in self._machines:
                boot = self._boot(name)
                if boot != self._boots[name]:
                    self._boots[name] = boot
                    self.reboots.append(name)
                    cycles.append(threading.Thread(target=self._cycle, args=[name]))
                    cycles[-1].start()
        for cycle in cycles:
            cycle.join()

    def _cycle(self, name: str) -> None:
        time.sleep(GRACE)
        self._fleet.power_off(name)
        if name not in self._lost:
            self._fleet.start(name)
