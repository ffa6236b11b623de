# SPDX-License-Identifier: GPL-3.0-or-later
"""Reboots a host through WMI and waits until it has: over the HTTP of the connection, without a process on the host."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

from ansible.errors import AnsibleActionFail, AnsibleConnectionFailure
from ansible.utils.display import Display

from ..plugin_utils._ansible.action import PendingRebootAction
from ..plugin_utils.pending_reboot.gate import BOOT_TIME_SLACK
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
        reader = self.wsman(timeout)
        before = _boot_time(reader)
        if before is None:
            if reader.lost and not reader.answered:
                raise AnsibleConnectionFailure(reader.lost.message)
            raise AnsibleActionFail("it is not rebooted: its boot time is not known, so it could not be verified")
        if self._task.check_mode:
            return {"changed": True, "rebooted": False, "boot_time": iso(before), "elapsed": 0}
        started = time.monotonic()
        refusal = reader.reboot()
        # A host may go down before its answer gets out; then its boot time tells.
        if refusal is not None and (refusal.kind == "denied" or refusal.code is not None):
            raise AnsibleActionFail(f"the host does not reboot: {refusal.message}")
        after = self._wait(before, arguments, started + arguments["reboot_timeout"])
        elapsed = int(time.monotonic() - started)
        return {"changed": True, "rebooted": True, "boot_time": iso(after), "elapsed": elapsed}

    def _wait(self, before: datetime, arguments: Mapping[str, Any], ends: float) -> datetime:
        """Return the new boot time.

        Raises:
            AnsibleActionFail: it does not come back in time; a failure, because what is unreachable stops no roll-out.
        """
        seen = None
        while time.monotonic() < ends:
            time.sleep(arguments["poll"])
            seen = _boot_time(self.wsman(min(arguments["timeout"], max(arguments["poll"], 5))))
            if seen is not None and seen - before > BOOT_TIME_SLACK:
                return seen
            Display().vvv(f"up since {iso(seen)}" if seen else "no answer yet", host=self.host)
        if seen is not None:
            raise AnsibleActionFail(f"did not reboot: it is up since {iso(seen)}")
        raise AnsibleActionFail(f"is lost: it did not come back within {arguments['reboot_timeout']} seconds")


def _boot_time(reader: WsmanReader) -> datetime | None:
    answer = reader.probe(BOOT_TIME)
    if not isinstance(answer, Mapping):
        return None
    return datetime.fromtimestamp(float(str(answer["time_epoch"])), timezone.utc)
