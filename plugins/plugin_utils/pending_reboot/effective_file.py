# SPDX-License-Identifier: Apache-2.0
r"""The file that will be at a path after the next boot: following the pending file operations to it.

Session Manager executes the operations in order: a move whose source is not there is passed over, and so is one whose
target exists and may not be replaced. A chain (A takes B's place, B takes C's) is followed file by file. What cannot be
told apart for certain, such as a short name that nobody can spell out, makes the answer unknown and never a guess.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw
    https://github.com/reactos/reactos/blob/master/base/system/smss/sminit.c (SmpProcessFileRenames)
    https://learn.microsoft.com/en-us/windows/win32/winprog64/file-system-redirector (Sysnative)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

from .model import FileOperation

_VARIABLE: Final = re.compile(r"%([^%\\]+)%")
_ROOTED: Final = re.compile(r"(?:[a-z]:|\\\\[^\\]+\\[^\\]+)\\", re.IGNORECASE)
#: What a path begins with that names a volume otherwise than by its letter.
_VOLUME: Final = re.compile(
    r"(?:\\device\\harddiskvolume\d+|\\?volume\{[0-9a-f-]+\}|\\?globalroot(?=\\))+", re.IGNORECASE
)
_ADMIN_SHARE: Final = re.compile(r"\\\\[^\\]+\\([a-z])\$(?=\\)", re.IGNORECASE)
_SHORT: Final = re.compile(r"([^\\~]{1,6})~\d{1,6}(\.[^\\.]{0,3})?")
_FITS_8_3: Final = re.compile(r"[^\\. ]{1,8}(?:\.[^\\. ]{1,3})?")


class Effective(NamedTuple):
    """What will be at a path after the next boot."""

    #: Where the file is now that will be there, None when there will be none.
    origin: str | None
    #: The operations that lead there, by their place among all.
    operations: tuple[int, ...] = ()
    #: What goes wrong on the way, one sentence each.
    problems: tuple[str, ...] = ()
    #: Why it is not known, an empty string when it is.
    unknown: str = ""


class Machine(NamedTuple):
    """What is known of the machine's paths."""

    #: `SystemRoot` and other variables by lower-case name, to their values.
    variables: Mapping[str, str]
    #: Tells whether a file is there; None when that is not known.
    exists: Callable[[str], bool | None]
    #: Spells short names out; None when that is not known.
    long_path: Callable[[str], str | None]
    #: Why variables are not known, an empty string when they are just not there.
    why: str = ""

    def full(self, path: str) -> str:
        r"""Return `path` with variables, `\SystemRoot` and `Sysnative` replaced; what is not known stays as it is."""
        path = path.strip().replace("/", "\\")
        if path.lower().startswith("\\systemroot\\"):
            path = "%SystemRoot%" + path[len("\\systemroot") :]
        full = _VARIABLE.sub(lambda match: self.variables.get(match[1].lower(), match[0]), path)
        if "~" in full:
            full = self.long_path(full) or full
        return self._for_64_bits(_without_dots(full))

    def _for_64_bits(self, path: str) -> str:
        """Return `path` as 64-bit programs have it: Sysnative is what 32-bit ones call the real System32."""
        sysnative = self.variables.get("systemroot", "?") + "\\sysnative\\"
        if path.lower().startswith(sysnative.lower()):
            return f"{self.variables['systemroot']}\\System32\\{path[len(sysnative) :]}"
        return path


def unresolved(path: str, machine: Machine) -> str:
    """Return what of a full path is not known, an empty string when it names one file."""
    variable = _VARIABLE.search(path)
    if variable:
        return f"{variable[0]} of this machine is not known" + (f": {machine.why}" if machine.why else "")
    return "" if _ROOTED.match(path) else f"{path} does not begin with a drive"


def unsure(path: str, machine: Machine) -> str:
    """Return why it cannot be told that nothing is at a path where nothing was found, an empty string when it can."""
    if _VOLUME.match(path):
        return "which drive that volume is, is not known"
    short = any(_SHORT.fullmatch(part) for part in path.split("\\"))
    return "its short name cannot be spelled out here" if short and machine.long_path(path) is None else ""


def follow(path: str, operations: Sequence[FileOperation], machine: Machine) -> Effective:
    """Return what will be at `path` (a full one) after the next boot."""
    moves = _relevant(path.lower(), operations, machine)
    if isinstance(moves, str):
        return Effective(None, unknown=moves)
    return _Disk(machine).after(path, moves)


class _Move(NamedTuple):
    number: int
    source: str
    #: An empty string for a delete.
    target: str
    replace: bool


def _relevant(path: str, operations: Sequence[FileOperation], machine: Machine) -> list[_Move] | str:
    """Return the operations that `path` depends on, in order, or why that cannot be told."""
    wanted = _Wanted(path)
    moves = []
    for number in reversed(range(len(operations))):
        operation = operations[number]
        if operation.malformed:
            continue  # Windows does not execute it
        move = _Move(
            number, machine.full(operation.source), machine.full(operation.target or ""), operation.replace_existing
        )
        ends = [end for end in (move.source, move.target) if end]
        doubt = next((text for end in ends if (text := wanted.doubt(end.lower()))), "")
        if not doubt and move.target:
            doubt = next((text for end in ends if (text := wanted.above(end.lower()))), "")
        if doubt:
            return doubt
        if any(end.lower() in wanted.paths for end in ends):
            for end in ends:
                wanted.add(end.lower())
            moves.append(move)
    return moves[::-1]


class _Wanted:
    """The paths that the answer depends on, made for lists of tens of thousands of operations."""

    def __init__(self, path: str) -> None:
        self.paths: set[str] = set()
        self._short: list[str] = []
        #: Folders that a path lies in, and one such path.
        self._folders: dict[str, str] = {}
        self.add(path)

    def add(self, path: str) -> None:
        if path in self.paths:
            return
        self.paths.add(path)
        if "~" in path:
            self._short.append(path)
        folder = path.rpartition("\\")[0]
        while folder and folder not in self._folders:
            self._folders[folder] = path
            folder = folder.rpartition("\\")[0]

    def doubt(self, end: str) -> str:
        """Return why it cannot be told whether `end` is one of the paths, an empty string when it can."""
        other = "~" in end or _ADMIN_SHARE.match(end) or _VOLUME.match(end)
        return next((text for each in (self.paths if other else self._short) if (text := _doubt(end, each))), "")

    def above(self, end: str) -> str:
        inner = self._folders.get(end)
        return f"the next boot moves {end}, in which {inner} lies" if inner else ""


def _doubt(end: str, path: str) -> str:
    """Return why it cannot be told whether the two paths are the same, an empty string when it can."""
    if end == path:
        return ""
    share = _ADMIN_SHARE.match(end)
    if share and path == f"{share[1]}:{end[share.end() :]}":
        return f"{end} may be {path}: whether that share is this machine's, is not known"
    volume = _VOLUME.match(end)
    if volume and path[2:] == "\\" + end[volume.end() :].lstrip("\\"):
        return f"{end} may be {path}: which drive that volume is, is not known"
    if "~" not in end and "~" not in path:
        return ""
    ours, theirs = path.split("\\"), end.split("\\")
    if len(ours) == len(theirs) and all(_may_be(one, other) for one, other in zip(ours, theirs, strict=True)):
        return f"{end} may be {path}: its short name cannot be spelled out here"
    return ""


def _may_be(one: str, other: str) -> bool:
    """Tell whether two names of the same folder may be the same file's: equal, or one the other's short name."""
    return one == other or _may_be_short(one, other) or _may_be_short(other, one)


def _may_be_short(short: str, long: str) -> bool:
    match = _SHORT.fullmatch(short)
    if not match or _FITS_8_3.fullmatch(long):
        return False  # a name that fits has no short one
    stem, dot, extension = long.rpartition(".")
    stem = re.sub(r"[ .]", "", stem if dot else long)
    # Windows takes up to six letters, two and a checksum when there are many such names.
    return stem[:2] == match[1][:2] and (extension[:3] if dot else "") == (match[2] or "")[1:]


def _without_dots(path: str) -> str:
    lead = "\\\\" if path.startswith("\\\\") else ""
    parts: list[str] = []
    for part in path[len(lead) :].split("\\"):
        if part == ".." and len(parts) > 1:
            parts.pop()
        elif part not in (".", "") or not parts:
            parts.append(part)
    return lead + "\\".join(parts)


_UNKNOWN: Final = "?"


class _Disk:
    """Which file is where while the operations are executed. Files are named by where they are before."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._now: dict[str, str | None] = {}
        self._gone: set[str] = set()
        self._doubts: list[str] = []
        self._problems: list[str] = []

    def after(self, path: str, moves: Sequence[_Move]) -> Effective:
        for move in moves:
            self._execute(move)
        origin = self._at(path)
        numbers = tuple(move.number for move in moves)
        if origin == _UNKNOWN:
            return Effective(None, numbers, tuple(self._problems), "; ".join(self._doubts))
        return Effective(origin, numbers, tuple(self._problems))

    def _at(self, path: str) -> str | None:
        key = path.lower()
        if key not in self._now:
            there = self._machine.exists(path)
            why = unsure(path, self._machine) if there is False else ""
            if there is None or why:
                self._doubts.append(
                    f"whether {path} is there " + (f"is not known: {why}" if why else "could not be read")
                )
                there = None
            self._now[key] = _UNKNOWN if there is None else path if there else None
            if there is False:
                self._gone.add(key)
        return self._now[key]

    def _execute(self, move: _Move) -> None:
        source = self._at(move.source)
        if source is None:
            if move.source.lower() in self._gone and move.target:
                self._problems.append(f"{move.source} is not there, so it does not become {move.target}")
            return
        if move.target:
            target = self._at(move.target)
            if target is not None and not move.replace:
                if target != _UNKNOWN:
                    if source != _UNKNOWN:
                        self._problems.append(f"{move.target} is there and may not be replaced by {move.source}")
                    return
                source = _UNKNOWN
        self._now[move.source.lower()] = None
        if move.target:
            self._now[move.target.lower()] = source
            self._gone.discard(move.target.lower())
