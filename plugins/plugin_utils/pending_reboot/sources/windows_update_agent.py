# SPDX-License-Identifier: Apache-2.0
"""What the Windows Update Agent (WUA) itself says.

COM `Microsoft.Update.SystemInfo.RebootRequired` is a property, not a search: it is fast and machine-wide. WUA refuses
network logons with 0x80070005, as WinRM and SSH sessions have them; there CIM `MSFT_WUSettings.IsPendingReboot`
answers in its place where the system has it. A refusal is *unknown*, never "no".

On request the updates that wait are searched for (offline, `IsInstalled=1 and DeploymentAction='Installation' and
RebootRequired=1`).

References:
    https://learn.microsoft.com/en-us/windows/win32/api/wuapi/nf-wuapi-isysteminformation-get_rebootrequired
    https://learn.microsoft.com/en-us/windows/win32/api/wuapi/nf-wuapi-iupdatesearcher-search
    https://learn.microsoft.com/en-us/windows/win32/wua_sdk/using-wua-from-a-remote-computer
    https://github.com/saltstack/salt/issues/57628 (access denied over WinRM)
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model import SourceResult, Update
from ..probes import WINDOWS_UPDATE_AGENT, WINDOWS_UPDATE_SETTINGS
from ..registry import Absent, Unreadable
from ..source import Findings, Observations, Source
from ..text import count, listed


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when WUA, or CIM in its place, says that a reboot is required."""
    found = Findings(seen)
    agent = found.ask(WINDOWS_UPDATE_AGENT)
    settings = found.ask(WINDOWS_UPDATE_SETTINGS)
    updates = _updates(agent)
    if isinstance(agent, Mapping):
        found.evidence["asked"] = "Microsoft.Update.SystemInfo"
        if "updates_error" in agent:
            found.evidence["updates_error"] = agent["updates_error"]
        if updates:
            found.evidence["update_ids"] = [update.update_id for update in updates]
        if agent.get("reboot_required"):
            _pending(found, updates)
    elif isinstance(settings, Mapping):
        found.evidence["asked"] = "MSFT_WUSettings.IsPendingReboot"
        found.evidence["agent_error"] = agent.to_dict() if isinstance(agent, Unreadable) else None
        if settings.get("pending_reboot"):
            _pending(found, ())
    elif isinstance(agent, Unreadable):
        found.cannot_ask(agent)
    missing = "there is no Windows Update Agent to ask" if isinstance(agent, Absent) else None
    asked = isinstance(agent, Mapping) or isinstance(settings, Mapping)
    result = found.result("the Windows Update Agent asks for no reboot", not_applicable=None if asked else missing)
    return result._replace(updates=updates)


def _pending(found: Findings, updates: tuple[Update, ...]) -> None:
    ids = [update.update_id for update in updates]
    by = f" for {count(len(ids), 'update')}: {listed([u.title or u.update_id for u in updates])}" if ids else ""
    found.pending(f"the Windows Update Agent asks for a reboot{by}", identity=["agent", *ids])


def _updates(agent: object) -> tuple[Update, ...]:
    listing = agent.get("updates") if isinstance(agent, Mapping) else None
    if not isinstance(listing, list):
        return ()
    return tuple(
        Update(str(each["update_id"]), tuple(str(kb) for kb in each.get("kb", ())), each.get("title"))
        for each in listing
    )


SOURCE = Source(
    "windows_update_agent",
    "Windows Update Agent",
    __name__,
    40,
    evaluate,
    probes=(WINDOWS_UPDATE_AGENT, WINDOWS_UPDATE_SETTINGS),
)
