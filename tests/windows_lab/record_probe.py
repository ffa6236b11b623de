# SPDX-License-Identifier: Apache-2.0
"""Records what the probe sees on a genuine registry: `cd tests && ../.venv/bin/python -m windows_lab.record_probe`.

Each situation is made on a fresh lab by the calls that make it on Windows (MoveFileEx, RegCreateKeyEx, a boot). The
probe is asked for what the rules want to know: the facts from every source, and the state of one patch. The recordings
stand in for Windows where there is no lab (tests/ansible_fleet/recordings.py). Two runs differ in times only.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final, NamedTuple

from ansible_fleet.recordings import FOLDER, PATCH, replayed
from lab.planting import CBS, REBOOT_REQUIRED, UPDATE_EXE, UPDATE_ID
from pending_reboot import Facts, facts_from, patch_states, patches_from
from pending_reboot.files import FileReader
from pending_reboot.readers.probe import gather
from pending_reboot.registry import Value, datetime_to_filetime

from .dll import dll
from .errors import LabError, LabUnavailableError
from .machine import Lab
from .wua import Wua

COMMAND: Final = "cd tests && ../.venv/bin/python -m windows_lab.record_probe"
#: What the machine is called in a recording, whatever the one that runs the lab is called.
HOST: Final = "LAB"
#: The values that hold a machine's name.
_NAMES: Final = frozenset({"ComputerName", "Hostname", "NV Hostname"})

SYSTEM32: Final = r"C:\windows\system32"
DLL: Final = rf"{SYSTEM32}\clbcatq.dll"
STAGED: Final = rf"{SYSTEM32}\SET31.tmp"
OLD, NEW = "2001.12.4720.9", "2001.12.4720.10"
REBOOT_PENDING: Final = rf"{CBS}\RebootPending"
#: Written by a program of Wine's some time after a boot, or not at all.
_WRITTEN_BY_WINE: Final = r"SOFTWARE\Microsoft\Windows NT\CurrentVersion"
_LEFT_OVER: Final = (
    r"C:\users\Public\Temp\nsp9C0.tmp\nsProcess.dll",
    r"C:\windows\Temp\left.tmp",
    r"C:\Program Files (x86)\Microsoft\EdgeUpdate\1.3.215.9\MicrosoftEdgeUpdate.exe",
)


class Moment(NamedTuple):
    """A situation that the lab is in now."""

    name: str
    lab: Lab
    #: Keys that outlive a boot although Windows makes them volatile.
    lasting: tuple[str, ...] = ()


class Seen(NamedTuple):
    """What the probe was asked and answered."""

    request: dict[str, Any]
    answer: dict[str, Any]


def look(request: dict[str, Any]) -> object:
    """Runs on Windows: what the probe answers there."""
    from pending_reboot.readers.local import LocalReader
    from pending_reboot_tools.simulator.probe import answer

    return answer(request, LocalReader())


def flag(update_id: str) -> object:
    """Runs on Windows."""
    import pending_reboot

    return pending_reboot.flag_reboot(update_id).to_dict()


# The situations


def _clear(lab: Lab) -> Iterator[Moment]:
    yield Moment("clear", lab)


def _patched_by_hand(lab: Lab) -> Iterator[Moment]:
    """As update.exe leaves it: a staged file, a delayed replace and its flag, and nothing in Windows Update."""
    lab.write_file(STAGED, dll(NEW))
    lab.move_file_delayed(STAGED, DLL, replace=True)
    lab.key(UPDATE_EXE, {"Flags": Value.from_integer(1)}, volatile=True)
    yield Moment("patched_by_hand", lab)
    _reboot(lab)
    yield Moment("patched_by_hand_after_reboot", lab)


def _advisory(lab: Lab) -> Iterator[Moment]:
    """Nothing but clean-up: temporary files, and a browser's old version with its folder."""
    for path in _LEFT_OVER:
        lab.write_file(path)
        lab.move_file_delayed(path)
    lab.move_file_delayed(_LEFT_OVER[-1].rpartition("\\")[0])
    yield Moment("advisory", lab)


def _stuck(lab: Lab) -> Iterator[Moment]:
    """A flag that somebody made as a lasting key, so that no reboot takes it away."""
    lab.key(REBOOT_PENDING)
    yield Moment("stuck", lab, (REBOOT_PENDING,))
    _reboot(lab)
    yield Moment("stuck_after_reboot", lab, (REBOOT_PENDING,))


def _flagged(lab: Lab) -> Iterator[Moment]:
    """A patch that is in place, and whose reboot was flagged by hand."""
    lab.write_file(DLL, dll(NEW))
    lab.call(flag, update_id=UPDATE_ID)
    yield Moment("flagged", lab)


def _denied(lab: Lab) -> Iterator[Moment]:
    """Windows Update's key is there and may not be read."""
    lab.key(REBOOT_REQUIRED, {UPDATE_ID: Value.from_integer(1)}, volatile=True)
    lab.deny_key(REBOOT_REQUIRED)
    yield Moment("denied", lab)


SITUATIONS: Final[tuple[Callable[[Lab], Iterator[Moment]], ...]] = (
    _clear,
    _patched_by_hand,
    _advisory,
    _stuck,
    _flagged,
    _denied,
)


def moments() -> Iterator[Moment]:
    """Yield each situation while the lab is in it; each story on a lab of its own."""
    for story in SITUATIONS:
        with Lab.start() as lab:
            lab.wua(Wua(reboot_required=False))
            lab.write_file(DLL, dll(OLD))
            yield from story(lab)


def _reboot(lab: Lab) -> None:
    """Reboot in another second than that of the last write, because a snapshot's times are whole seconds."""
    time.sleep(1.1)
    lab.reboot()


# Looking


def everything(reader: FileReader) -> Facts:
    """Ask what a front end asks of a machine: the facts, and the files of a patch. Returns the facts."""
    facts = facts_from(reader)
    patch_states(reader, patches_from(PATCH))
    return facts


def observe(lab: Lab) -> Seen:
    """Return one request with all that the rules want to know of this machine, and its answer.

    The rules ask in rounds, because what they want to know depends on what they saw. Here the questions of all rounds
    are asked once more, together.
    """
    wanted: dict[str, Any] = {"registry": [], "files": [], "components": []}

    def ask(request: dict[str, Any]) -> Mapping[str, Any]:
        for part, questions in request.items():
            wanted[part] += [question for question in questions if question not in wanted[part]]
        found: Mapping[str, Any] = lab.call(look, request=request)
        return found

    gather(ask, everything)
    return Seen(wanted, lab.call(look, request=wanted))


def facts_of(seen: Seen) -> Facts:
    """Return the facts that the rules make of an answer, on this side."""
    return gather(replayed(*seen), facts_from)


# Writing


def recording(seen: Seen, lasting: tuple[str, ...]) -> dict[str, Any]:
    """Return a recording as plain JSON types."""
    facts = facts_of(seen)
    return {
        "request": seen.request,
        "answer": _renamed(seen.answer),
        "facts": {"state": facts.state, "reasons": facts.to_dict()["reboot_required_reasons"]},
        "lasting": list(lasting),
    }


def _renamed(answer: dict[str, Any]) -> dict[str, Any]:
    """Return the answer of a machine that is called LAB."""
    name = base64.b64encode(Value.from_text(HOST).data).decode("ascii")
    host = answer["components"]["host"]
    return answer | {
        "registry": [
            key | {"found": [each | {"data": name} if each["name"] in _NAMES else each for each in key["found"]]}
            for key in answer["registry"]
        ],
        "components": answer["components"] | {"host": host | {"answer": {"name": HOST}}},
    }


def text_of(recorded: Mapping[str, Any]) -> str:
    """Return a recording as the text of its file."""
    return json.dumps(recorded, indent=1, sort_keys=True) + "\n"


def without_times(recorded: Mapping[str, Any]) -> Any:
    """Return a recording whose times say only what any other run's say as well: before or after the boot."""
    boot = recorded["answer"]["components"]["boot_time"]["answer"]["time_epoch"]
    booted = datetime_to_filetime(datetime.fromtimestamp(boot, timezone.utc))

    def plain(node: Any, name: str = "") -> Any:
        if isinstance(node, dict):
            node = node | {"last_write": None} if node.get("path") == _WRITTEN_BY_WINE else node
            return {key: plain(each, key) for key, each in node.items()}
        if isinstance(node, list):
            return [plain(each) for each in node]
        if name == "last_write" and node is not None:
            return "after the boot" if node >= booted else "before the boot"
        return "the boot" if name == "time_epoch" else node

    return plain(recorded)


def main() -> int:
    """Record every situation anew."""
    try:
        FOLDER.mkdir(parents=True, exist_ok=True)
        written = set()
        for moment in moments():
            recorded = recording(observe(moment.lab), moment.lasting)
            file = FOLDER / f"{moment.name}.json"
            file.write_text(text_of(recorded), "utf-8")
            written.add(file)
            print(f"{file.name}: {recorded['facts']['state']}", flush=True)
        for file in sorted(set(FOLDER.glob("*.json")) - written):
            file.unlink()
            print(f"{file.name}: removed, there is no such situation", flush=True)
    except (LabUnavailableError, LabError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
