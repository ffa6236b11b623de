# SPDX-License-Identifier: Apache-2.0
"""Machines from recordings: what the probe saw on a genuine registry, played without one.

Each recording is one situation of the Windows lab: the probe's request, its answer, the facts made of it, and the keys
that outlive a boot although Windows makes them volatile. `windows_lab.record_probe` writes them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from pending_reboot.files import FileInfo, parse_version
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.snapshot import from_snapshot
from pending_reboot.registry import ABSENT, Absent, Unreadable, redirect

FOLDER: Final = Path(__file__).parent / "recordings"
#: The patch whose files each recorded request asks about.
PATCH: Final = {
    "kb": "KB902400",
    "update_id": "9306cdfc-c4a1-4a22-9996-848cc67eddc3",
    "files": [{"path": r"%SystemRoot%\system32\clbcatq.dll", "version": "2001.12.4720.10"}],
}


class RecordedMachine(MemoryRegistry):
    """A machine in memory that also knows how the recorded paths are spelled out."""

    #: By lower-case path.
    long_paths: Mapping[str, str] = {}

    def long_path(self, path: str) -> str | None:
        """Return `path` with its short names spelled out, None when that was not recorded."""
        return self.long_paths.get(path.lower())


def names() -> list[str]:
    """Return the name of every recording."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def recording(name: str) -> dict[str, Any]:
    """Return one recording: `request`, `answer`, `facts` and `lasting`."""
    found: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text("utf-8"))
    return found


def machine(name: str) -> MemoryRegistry:
    """Return the machine of the recording `name`: a new one each time, because tests change it."""
    return machine_of(recording(name))


def machine_of(recorded: Mapping[str, Any]) -> MemoryRegistry:
    """Return a machine that answers the recorded request with the recorded answer.

    It is a snapshot, so that it can be written to a file and booted. Keys are volatile where Windows makes them so,
    because the probe does not tell; `lasting` names those that are not.
    """
    found = recorded["answer"]
    keys: dict[str, dict[str, Any]] = {}
    written: dict[str, int] = {}
    # Whatever lists comes first, so that names keep their spelling and their order.
    for key in _lists_first(recorded["request"]["registry"], found["registry"]):
        if key["state"] == "absent":
            continue
        assert key["listing_error"] is None, f"{key['path']}: a list that could not be read cannot be played"
        path = redirect(key["path"], key["view"])
        _add(keys, written, path, key)
        for child in key["subkeys_found"]:
            _add(keys, written, f"{path}\\{child['name']}", child)
    for path in recorded["lasting"]:
        _spelled(keys, path)["volatile"] = False
    plain = from_snapshot({"keys": keys, "files": {}}, where="recording")
    played = RecordedMachine(name=plain.name, probes=plain.probes | _components(found["components"]))
    played.root = plain.root
    for path, when in written.items():
        played.key(path).last_write = when  # exactly: a snapshot knows seconds
    played.files = {}
    for file in found["files"]:
        if file["state"] != "absent":
            played.files[file["path"].lower()] = (file["path"], _file(file))
    played.long_paths = {file["path"].lower(): file["long_path"] for file in found["files"] if file["long_path"]}
    return played


def replayed(request: Mapping[str, Any], answer: Mapping[str, Any]) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Return a probe (`readers.probe.Ask`) that gives the parts of one recorded answer.

    It raises ValueError for a question that was not recorded.
    """

    def ask(asked: dict[str, Any]) -> dict[str, Any]:
        return {
            "schema": answer["schema"],
            **{
                part: [answer[part][request[part].index(question)] for question in asked[part]]
                for part in ("registry", "files")
            },
            "components": {name: answer["components"][name] for name in asked["components"]},
        }

    return ask


def _lists_first(questions: list[dict[str, Any]], answers: list[dict[str, Any]]) -> list[dict[str, Any]]:
    def rank(entry: tuple[dict[str, Any], dict[str, Any]]) -> tuple[bool, int, bool]:
        question, answer = entry
        depth: int = redirect(answer["path"], answer["view"]).count("\\")
        return question["subkeys"] is None, depth, question["names"] != ["*"]

    return [answer for _, answer in sorted(zip(questions, answers, strict=True), key=rank)]


def _add(keys: dict[str, dict[str, Any]], written: dict[str, int], path: str, seen: Mapping[str, Any]) -> None:
    """Note a key that is there, or that refuses; it may be known already, from another question."""
    fields = _spelled(keys, path)
    if seen["state"] != "present":
        fields["error"] = _error(seen)
        return
    written[path] = seen["last_write"]
    for value in seen["found"]:
        fields.setdefault("values", {})[value["name"]] = (
            {"type": value["type"], "base64": value["data"]}
            if value["state"] == "present"
            else {"error": _error(value)}
        )


def _spelled(keys: dict[str, dict[str, Any]], path: str) -> dict[str, Any]:
    """Return the fields of the key at `path`, however its letters are spelled."""
    known = next((each for each in keys if each.lower() == path.lower()), path)
    return keys.setdefault(known, {})


def _error(seen: Mapping[str, Any]) -> dict[str, object]:
    return {"kind": seen["state"], **seen["error"]}


def _answer(seen: Mapping[str, Any]) -> Absent | Unreadable | None:
    """Return what stands in the place of something that is there, None when it is there."""
    if seen["state"] == "present":
        return None
    return ABSENT if seen["state"] == "absent" else Unreadable(seen["state"], **seen["error"])


def _components(
    components: Mapping[str, Mapping[str, Any]],
) -> dict[str, Mapping[str, object] | Absent | Unreadable]:
    # `or` would not do: ABSENT is an empty tuple.
    return {
        name: seen["answer"] if (refused := _answer(seen)) is None else refused for name, seen in components.items()
    }


def _file(seen: Mapping[str, Any]) -> FileInfo | Unreadable:
    refused = _answer(seen)
    if isinstance(refused, Unreadable):
        return refused
    error = _answer(seen["version_error"]) if seen["version_error"] else None
    assert not isinstance(error, Absent)
    version = None if seen["version"] is None else parse_version(seen["version"], seen["path"])
    return FileInfo(version, seen["sha256"], error)
