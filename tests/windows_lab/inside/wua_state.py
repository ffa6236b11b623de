# SPDX-License-Identifier: Apache-2.0
"""What the lab's Windows Update Agent says, as a JSON file that every process of the lab reads.

What waits for a reboot ends with the boot it was written in, as it does on Windows.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any, TypedDict

from . import system

_FOLDER = Path(r"C:\ProgramData\windows-lab")
_STATE = _FOLDER / "wua.json"
_CALLS = _FOLDER / "wua-calls.jsonl"


class UpdateState(TypedDict):
    """One update, as WUA knows it."""

    update_id: str
    revision: int
    title: str
    kb: list[str]
    type: str
    deployment_action: str
    categories: list[str]
    is_assigned: bool
    auto_select: bool
    browse_only: bool
    is_installed: bool
    is_present: bool
    is_hidden: bool
    reboot_required: bool
    #: Member of this update -> HRESULT with which reading it fails.
    faults: dict[str, int]


class State(TypedDict):
    """What WUA says and how it misbehaves."""

    reboot_required: bool
    updates: list[UpdateState]
    #: A search with Online=True reaches its server.
    online: bool
    #: `Class` (its creation) or `Class.Member` -> HRESULT.
    faults: dict[str, int]
    #: The same names -> seconds.
    hangs: dict[str, float]


def register() -> None:
    """Put the lab's classes in the place of Windows' own, for every process of this lab."""
    from win32com.server import register as com

    from . import wua

    folder = str(Path(__file__).parents[2])
    for server in wua.SERVERS:
        spec = f"{server.__module__}.{server.__name__}"
        policy = f"{wua.__name__}.{wua.MemberPolicy.__name__}"
        com.RegisterServer(
            server.clsid, spec, spec, f"{server.progid}.1", server.progid, addnPath=folder, policy=policy, clsctx=1
        )


def write(state: State) -> None:
    """Replace the state and forget the calls noted so far."""
    from . import wua

    unknown = sorted({*state["faults"], *state["hangs"]} - wua.MEMBERS)
    unknown += [name for update in state["updates"] for name in update["faults"] if f"Update.{name}" not in wua.MEMBERS]
    if unknown:
        raise ValueError(f"WUA has no {', '.join(unknown)}; known are {', '.join(sorted(wua.MEMBERS))}")
    _FOLDER.mkdir(parents=True, exist_ok=True)
    _CALLS.unlink(missing_ok=True)
    _STATE.write_text(json.dumps({"boot": system.boot_time(), **state}), encoding="utf-8")


def read() -> State:
    """Return the state as of this boot."""
    if not _STATE.exists():
        return {"reboot_required": False, "updates": [], "online": True, "faults": {}, "hangs": {}}
    stored = json.loads(_STATE.read_text(encoding="utf-8"))
    state: State = stored
    if stored.pop("boot") != system.boot_time():
        state["reboot_required"] = False
        for update in state["updates"]:
            update["reboot_required"] = False
    return state


def note_call(member: str, arguments: tuple[Any, ...]) -> None:
    """Remember that a client used a member, and with what."""
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with _CALLS.open("a", encoding="utf-8") as file:
        file.write(json.dumps({"member": member, "arguments": [str(each) for each in arguments]}) + "\n")


def calls() -> list[dict[str, object]]:
    """Return what clients used since the state was written, in order."""
    if not _CALLS.exists():
        return []
    return [json.loads(line) for line in _CALLS.read_text(encoding="utf-8").splitlines()]


def misbehave(member: str, faults: dict[str, int] | None = None) -> None:
    """Hang and fail as the state says for `member`; raises the COM error."""
    from win32com.server.exception import COMException

    state = read()
    time.sleep(state["hangs"].get(member, 0))
    code = (faults or {}).get(member.rpartition(".")[2]) or state["faults"].get(member)
    if code:
        raise COMException(scode=signed(code))


def signed(code: int) -> int:
    """Return an HRESULT as the signed number that COM passes."""
    return code - (1 << 32) if code >= 1 << 31 else code
