# SPDX-License-Identifier: Apache-2.0
r"""What the Windows Update settings page and its orchestrator know.

On Windows 10 20H2 and later a restart without updating can remove `Auto Update\RebootRequired` and leave
`UX\StateVariables!RebootRequired` set: the update still waits. `ScheduledRebootTime` is the planned restart.

References:
    https://github.com/imabdk/Toast-Notification-Script/issues/43
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import KeyQuery, filetime_to_datetime, iso
from ..source import Findings, Observations, Source

STATE = KeyQuery(r"SOFTWARE\Microsoft\WindowsUpdate\UX\StateVariables", ("RebootRequired", "ScheduledRebootTime"))
ORCHESTRATOR = KeyQuery(
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Orchestrator\RebootRequired", volatile=True
)


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the state variable is not zero or the orchestrator's key exists."""
    found = Findings(seen)
    state = found.open(STATE)
    if state:
        required = found.integer(state, "RebootRequired", STATE.path)
        planned = found.integer(state, "ScheduledRebootTime", STATE.path)
        when = filetime_to_datetime(planned) if planned else None
        found.evidence.update(RebootRequired=required, ScheduledRebootTime=iso(when) if when else None)
        if required:
            plan = f", planned for {iso(when)}" if when else ""
            found.pending(f"Windows Update's settings page asks for a restart{plan}", key=state, identity=["state"])
    key = found.open(ORCHESTRATOR)
    if key:
        found.pending("the update orchestrator waits for a reboot", key=key, identity=["orchestrator"])
    return found.result("Windows Update's settings page asks for no restart")


SOURCE = Source("windows_update_ux", "Windows Update settings page", __name__, 110, evaluate, (STATE, ORCHESTRATOR))
