# SPDX-License-Identifier: Apache-2.0
"""Every test here talks real HTTP on loopback to simulated hosts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from pending_reboot_tools.simulator.fleet import Simulation, scenario_from

#: KB902400 was run by hand.
PATCHED = yaml.safe_load(
    r"""
boot_time: 2026-11-20T03:12:00Z
keys:
  SYSTEM\CurrentControlSet\Control\Session Manager:
    values:
      PendingFileRenameOperations: ['\??\C:\Windows\system32\SET31.tmp', '!\??\C:\Windows\system32\clbcatq.dll']
  SOFTWARE\Microsoft\Updates\UpdateExeVolatile: {values: {Flags: 1}}
"""
)
#: Nobody else has this password.
PASSWORD = "Sn0w-in-Dezember"

Simulate = Callable[..., Simulation]


@pytest.fixture
def simulate() -> Iterator[Simulate]:
    """Return a function that starts simulated hosts; they end with the test."""
    with ExitStack() as stack:

        def start(hosts: dict[str, Any], **options: Any) -> Simulation:
            account, machines = scenario_from({"username": "scanner", "password": PASSWORD, "hosts": hosts, **options})
            return stack.enter_context(Simulation(account, machines).running())

        yield start


@pytest.fixture
def inventory(tmp_path: Path) -> Callable[[Simulation], str]:
    """Return a function that writes the inventory of simulated hosts and returns its path."""

    def write(simulation: Simulation) -> str:
        path = tmp_path / "hosts.yml"
        path.write_text(yaml.safe_dump(simulation.inventory(), sort_keys=False))
        return str(path)

    return write
