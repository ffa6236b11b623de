# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboots a host through WMI and waits until it has: over the HTTP of the connection, without a process on the host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

from ansible.errors import AnsibleConnectionFailure
from ansible.utils.display import Display

from ..plugin_utils._ansible.action import PendingRebootAction
from ..plugin_utils.pending_reboot import InputError, PendingRebootError
from ..plugin_utils.pending_reboot.escape import printable
from ..plugin_utils.pending_reboot.gate import boot_changed
from ..plugin_utils.pending_reboot.probes import BOOT_TIME
from ..plugin_utils.pending_reboot.readers.wsman import WsmanReader
from ..plugin_utils.pending_reboot.registry import iso


class ActionModule(PendingRebootAction):
    """The action of `win_wsman_reboot`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "timeout": {"type": "int", "default": 30},
        "reboot_timeout": {"type": "int", "default": 600},
        "poll": {"type": "int", "default": 10},
    }

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Reboot it, and return when it had started before and after."""
        timeout = arguments["timeout"]
        for name in ("timeout", "reboot_timeout", "poll"):
            if arguments[name] < 1:
                raise InputError(f"{arguments[name]} is no time to wait", where=name, hint="from 1 second")
        reader = self.wsman(timeout)
        before = _boot_time(reader)
        if before is None:
            if reader.lost and not reader.answered:
                raise AnsibleConnectionFailure(printable(reader.lost.message))
            raise PendingRebootError("it is not rebooted: its boot time is not known, so it could not be verified")
        if self._task.check_mode:
            return {"changed": True, "rebooted": False, "boot_time": iso(before), "elapsed": 0}
        started = time.monotonic()
        refusal = reader.reboot()
        # A host may go down before its answer gets out; then its boot time tells.
        if refusal is not None and (refusal.kind == "denied" or refusal.code is not None):
            raise PendingRebootError(f"the host does not reboot: {refusal.message}")
        after = self._wait(before, arguments, started + arguments["reboot_timeout"])
        elapsed = int(time.monotonic() - started)
        return {"changed": True, "rebooted": True, "boot_time": iso(after), "elapsed": elapsed}

    def _wait(self, before: datetime, arguments: Mapping[str, Any], ends: float) -> datetime:
        """Return the new boot time.

        Raises:
            PendingRebootError: it does not come back in time; a failure, because what is unreachable stops no roll-out.
        """
        seen, problem = None, ""
        while time.monotonic() < ends:
            time.sleep(arguments["poll"])
            reader = self.wsman(min(arguments["timeout"], max(arguments["poll"], 5)))
            seen = _boot_time(reader)
            if seen is not None and boot_changed(before, seen):
                return seen
            there = reader.answered > 0 or (reader.lost is not None and reader.lost.kind == "denied")
            problem = (reader.lost.message if reader.lost else "its boot time is not known") if there else ""
            Display().vvv(f"up since {iso(seen)}" if seen else problem or "no answer yet", host=self.host)
        if seen is not None:
            raise PendingRebootError(f"did not reboot: it is up since {iso(seen)}")
        if problem:
            raise PendingRebootError(f"answers, but could not be verified: {problem}")
        raise PendingRebootError(f"is lost: it did not come back within {arguments['reboot_timeout']} seconds")


def _boot_time(reader: WsmanReader) -> datetime | None:
    answer = reader.probe(BOOT_TIME)
    if not isinstance(answer, Mapping):
        return None
    return datetime.fromtimestamp(float(str(answer["time_epoch"])), timezone.utc)
