# SPDX-License-Identifier: Apache-2.0
r"""Component Based Servicing (CBS): Windows' own installer of updates, features and language packs.

Live, the keys `RebootPending`, `RebootInProgress` and `PackagesPending` say so by existing. They have no children, so
listing them finds nothing; they are opened. `SessionsPending` exists on healthy machines and is not looked at.

`RebootPending` and `RebootInProgress` are volatile. On a disk the lasting traces are read instead: packages in state
0x60 (install pending) or 0x5 (uninstall pending), `WinSxS\pending.xml`, the command that the next boot runs
(`PoqexecCmdline`, `SetupExecute`) and the values of the COMPONENTS hive that name unfinished work. Other package
states (0x20 resolved, 0x40 staged, 0x50 superseded, 0x65 partially installed, 0x70 installed, 0x80 permanent) are
normal on healthy machines. Thousands of packages make this too slow for a live fact: there they are read only on
request.

References:
    https://blogs.technet.microsoft.com/tip_of_the_day/2015/10/12/tip-of-the-day-cbs-servicing-states-chart-refresher/
    https://learn.microsoft.com/en-us/troubleshoot/windows-client/performance/windows-boot-issues-troubleshooting
    (pending.xml, PendingXmlIdentifier)
    https://github.com/microsoft/CSS-Exchange/issues/256 (why listing the key fails)
    https://github.com/Azure/repair-script-library/blob/main/src/windows/win-fix-pending-servicing.ps1
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model import SourceResult
from ..probes import PENDING_XML
from ..registry import REG_SZ, Children, Key, KeyQuery, Unreadable, Value
from ..source import Findings, Observations, Source
from ..text import count, listed

_CBS = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
REBOOT_PENDING = KeyQuery(rf"{_CBS}\RebootPending", volatile=True)
REBOOT_IN_PROGRESS = KeyQuery(rf"{_CBS}\RebootInProgress", volatile=True)
PACKAGES_PENDING = KeyQuery(rf"{_CBS}\PackagesPending")
PACKAGES = KeyQuery(rf"{_CBS}\Packages", children=Children("*", ("CurrentState",)), only="packages")
POQEXEC = KeyQuery(
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\SideBySide\Configuration", ("PoqexecCmdline",), only="offline"
)
SETUP_EXECUTE = KeyQuery(r"SYSTEM\CurrentControlSet\Control\Session Manager", ("SetupExecute",), only="offline")
#: Values of the COMPONENTS hive's root that are absent, 0 or empty when no work is left.
UNFINISHED = ("PendingXmlIdentifier", "NextQueueEntryIndex", "AdvancedInstallersNeedResolving")
#: Values that say more about such work, or about a damaged store; evidence only.
NOTED = ("NextQueueEntryIndexBCDB", "ExecutionState", "StoreDirty", "ImpactfulTransactionCommitsDisabled")
COMPONENTS = KeyQuery("COMPONENTS", (*UNFINISHED, *NOTED), only="offline")

#: Package states that wait for the next boot.
PENDING_STATES = {0x60: "install", 0x5: "uninstall"}
#: Package states of work that goes on: evidence only.
IN_PROGRESS = {0x10: "resolving", 0x30: "staging"}


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* for an existing key, a pending package, or another lasting trace of unfinished servicing."""
    found = Findings(seen)
    for query in (REBOOT_PENDING, REBOOT_IN_PROGRESS, PACKAGES_PENDING):
        key = found.open(query)
        if key:
            name = query.path.rpartition("\\")[2]
            found.pending(f"Component Based Servicing waits for a reboot ({name})", key=key, identity=[name])
    _packages(found)
    _next_boot(found)
    _components(found)
    xml = found.ask(PENDING_XML)
    if isinstance(xml, Mapping):
        found.evidence["pending_xml"] = dict(xml)
        found.pending(f"{xml.get('path')} is worked through at the next boot", identity=["pending.xml"])
    elif isinstance(xml, Unreadable) and xml.kind != "unsupported":
        found.problem(xml, "pending.xml")
    return found.result("Component Based Servicing waits for nothing")


def _packages(found: Findings) -> None:
    packages = found.open(PACKAGES)
    if not packages:
        return
    pending: dict[int, list[str]] = {state: [] for state in PENDING_STATES}
    progress: dict[str, str] = {}
    unreadable = 0
    for name, package in packages.children.items():
        value = package.values.get("CurrentState") if isinstance(package, Key) else package
        if isinstance(value, Value) and len(value.data) == 4:
            state = int.from_bytes(value.data, "little")
            if state in pending:
                pending[state].append(name)
            elif state in IN_PROGRESS:
                progress[name] = IN_PROGRESS[state]
        elif value is not None:
            unreadable += 1
    found.evidence["packages"] = len(packages.children)
    if progress:
        found.evidence["packages_in_progress"] = progress
    for state, names in pending.items():
        if names:
            found.evidence[f"packages_{PENDING_STATES[state]}_pending"] = names
            text = f"{count(len(names), 'package')} with {PENDING_STATES[state]} pending: {listed(names)}"
            found.pending(text, key=packages, identity=names)
    if unreadable:
        error = Unreadable("failed", None, f"the state of {count(unreadable, 'package')} could not be read")
        found.problem(error, PACKAGES.path)


def _next_boot(found: Findings) -> None:
    for query in (POQEXEC, SETUP_EXECUTE):
        key = found.peek(query)
        name = query.values[0]
        value = key.values.get(name) if key else None
        if isinstance(value, Unreadable):
            found.problem(value, f"{query.path}\\{name}")
        elif key and value is not None:
            lines = (
                [found.text(key, name, query.path) or ""]
                if value.type == REG_SZ
                else (found.strings(key, name, query.path) or [])
            )
            commands = [line for line in lines if "poqexec" in line.lower()]
            if commands:
                found.evidence[name] = commands
                found.pending(f"the next boot runs {listed(commands)} ({name})", key=key, identity=commands)


def _components(found: Findings) -> None:
    key = found.peek(COMPONENTS)
    if not key:
        return
    left = {}
    for name in (*UNFINISHED, *NOTED):
        value = key.values.get(name)
        if value is None:
            continue
        if isinstance(value, Unreadable):
            found.problem(value, f"COMPONENTS\\{name}")
        elif value.data.strip(b"\0"):
            left[name] = value.data.rstrip(b"\0").hex()
    found.evidence["components"] = left
    work = [name for name in left if name in UNFINISHED]
    if work:
        found.pending(f"the component store has unfinished work ({listed(work)})", key=key, identity=work)


SOURCE = Source(
    "component_based_servicing",
    "Component Based Servicing",
    __name__,
    50,
    evaluate,
    (REBOOT_PENDING, REBOOT_IN_PROGRESS, PACKAGES_PENDING, PACKAGES, POQEXEC, SETUP_EXECUTE, COMPONENTS),
    (PENDING_XML,),
)
