# SPDX-License-Identifier: Apache-2.0
"""The files that a patch names: what is in place, what will be there after the next boot, and is that enough?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from .effective_file import Effective, Machine, follow, unresolved, unsure
from .files import FileInfo, FileReader, version_text
from .model import Facts
from .multi_sz import decode_text
from .patch import FileRule
from .registry import Absent, Answer, Key, KeyQuery, Unreadable, Value
from .sources.pending_file_rename import SYSTEM_ROOT
from .text import listed

_CURRENT_VERSION: Final = r"SOFTWARE\Microsoft\Windows\CurrentVersion"
#: Variables that paths of patches are written with, and the values of the registry that hold them.
_VARIABLES: Final = {
    "programfiles": "ProgramFilesDir",
    "programfiles(x86)": "ProgramFilesDir (x86)",
    "commonprogramfiles": "CommonFilesDir",
    "commonprogramfiles(x86)": "CommonFilesDir (x86)",
}
_FOLDERS: Final = KeyQuery(_CURRENT_VERSION, tuple(_VARIABLES.values()))

Found = FileInfo | Absent | Unreadable


class FileEvidence(NamedTuple):
    """One file rule, and what it found."""

    rule: FileRule
    #: The path on this machine.
    path: str
    in_place: Found
    #: None when it could not be told what will be there; `effective_why` says why.
    effective: Found | None
    effective_path: str | None
    operations: tuple[int, ...]
    problems: tuple[str, ...]
    meets_now: bool | None
    meets_after: bool | None
    #: One sentence: what this file says about the patch.
    why: str

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {
            "path": self.path,
            "wanted": {"version": version_text(self.rule.version), "sha256": self.rule.sha256},
            "in_place": _found(self.in_place),
            "effective": None if self.effective is None else _found(self.effective) | {"path": self.effective_path},
            "operations": list(self.operations),
            "problems": list(self.problems),
            "meets_now": self.meets_now,
            "meets_after": self.meets_after,
            "description": self.why,
        }


def _found(found: Found) -> dict[str, object]:
    if isinstance(found, FileInfo):
        error = found.error.to_dict() if found.error else None
        return {"exists": True, "version": version_text(found.version), "sha256": found.sha256, "error": error}
    error = found.to_dict() if isinstance(found, Unreadable) else None
    return {"exists": None if error else False, "version": None, "sha256": None, "error": error}


def machine_of(reader: FileReader) -> Machine:
    """Return what is known of the paths of the machine that `reader` reads."""
    windows, folders = reader.read(SYSTEM_ROOT), reader.read(_FOLDERS)
    root = _text(windows, "SystemRoot")
    variables = {"systemroot": root, "windir": root, "systemdrive": root[:2]} if root else {}
    for name, value in _VARIABLES.items():
        folder = _text(folders, value)
        if folder:
            variables[name] = folder

    def exists(path: str) -> bool | None:
        found = reader.file(path)
        return None if isinstance(found, Unreadable) else not isinstance(found, Absent)

    problem = next((each.message for each in (windows, folders) if isinstance(each, Unreadable)), "")
    return Machine(variables, exists, reader.long_path, problem)


def _text(answer: Answer, name: str) -> str:
    value = answer.values.get(name) if isinstance(answer, Key) else None
    return decode_text(value.data).rstrip("\\") if isinstance(value, Value) else ""


def judge_files(
    rules: Sequence[FileRule], facts: Facts, machine: Machine, reader: FileReader
) -> tuple[FileEvidence, ...]:
    """Return what each rule finds. `facts` hold the pending file operations."""
    return tuple(_judge(rule, facts, machine, reader) for rule in rules)


def _judge(rule: FileRule, facts: Facts, machine: Machine, reader: FileReader) -> FileEvidence:
    path = machine.full(rule.path)
    unclear = unresolved(path, machine)
    if unclear:
        nothing = Unreadable("unsupported", None, unclear)
        return FileEvidence(rule, path, nothing, None, None, (), (), None, None, f"{rule.path}: {unclear}")

    def look(where: str) -> Found:
        found = reader.file(where, digest=rule.sha256 is not None)
        doubt = unsure(where, machine) if isinstance(found, Absent) else ""
        return Unreadable("unsupported", None, doubt) if doubt else found

    in_place = look(path)
    will_be = _followed(path, facts, machine)
    effective = None if will_be.unknown else _will_be(will_be, path, in_place, look)
    now, now_why = _meets(rule, in_place)
    after, after_why = (None, will_be.unknown) if effective is None else _meets(rule, effective)
    moved = will_be.origin is None or will_be.origin.lower() != path.lower()
    why = f"{path} {now_why}"
    if effective is None:
        why += f", and what the next boot leaves there is not known: {after_why}"
    elif moved and will_be.operations:
        staged = f" ({will_be.origin})" if will_be.origin else ""
        why += f", after the next boot it {after_why}{staged}"
    if will_be.problems:
        why += f"; {listed(will_be.problems, separator='; ')}"
    return FileEvidence(
        rule, path, in_place, effective, will_be.origin, will_be.operations, will_be.problems, now, after, why
    )


def _followed(path: str, facts: Facts, machine: Machine) -> Effective:
    renames = facts.sources["pending_file_rename"]
    if renames.error is not None or renames.state == "unknown":
        return Effective(None, unknown=renames.description)
    return follow(path, facts.file_operations, machine)


def _will_be(will_be: Effective, path: str, in_place: Found, look: Callable[[str], Found]) -> Found:
    if will_be.origin is None:
        return Absent()
    return in_place if will_be.origin.lower() == path.lower() else look(will_be.origin)


def _meets(rule: FileRule, found: Found) -> tuple[bool | None, str]:
    """Return whether a file is what the rule wants, and the file in words."""
    if isinstance(found, Absent):
        return False, "is not there"
    error = found if isinstance(found, Unreadable) else found.error
    if error is not None or not isinstance(found, FileInfo):
        return None, f"could not be read: {error.message if error else ''}"
    if rule.sha256 is not None:
        return found.sha256 == rule.sha256, "is the wanted file" if found.sha256 == rule.sha256 else "is another file"
    if found.version is None:
        return None, "has no version resource"
    if rule.version is None:
        raise AssertionError("a rule wants a digest or a version")
    enough = found.version >= rule.version
    wanted = "" if enough else f", {version_text(rule.version)} is wanted"
    return enough, f"has version {version_text(found.version)}{wanted}"
