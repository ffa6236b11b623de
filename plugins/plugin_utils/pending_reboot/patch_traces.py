# SPDX-License-Identifier: Apache-2.0
"""What a patch leaves beside its files (packages and marks in the registry), and which machines it is for.

References:
    https://learn.microsoft.com/en-us/windows-hardware/manufacture/desktop/dism-api-enumerations (states of packages)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from .errors import WrongTypeError
from .patch import AppliesTo, Mark
from .registry import Absent, Children, Key, KeyQuery, Reader, Unreadable, Value
from .sources.component_based_servicing import PACKAGES
from .text import listed

_WINDOWS: Final = KeyQuery(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", ("CurrentBuild", "CurrentBuildNumber"))
_ENVIRONMENT: Final = KeyQuery(
    r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment", ("PROCESSOR_ARCHITECTURE",)
)

#: `CurrentState` of a package: its name, whether the package is there now, and after the next boot.
PACKAGE_STATES: Final[Mapping[int, tuple[str, bool, bool]]] = {
    0x00: ("absent", False, False),
    0x05: ("uninstall_pending", True, False),
    0x10: ("resolving", False, False),
    0x20: ("resolved", False, False),
    0x30: ("staging", False, False),
    0x40: ("staged", False, False),
    0x50: ("superseded", True, True),
    0x60: ("install_pending", False, True),
    0x65: ("partially_installed", False, False),
    0x70: ("installed", True, True),
    0x80: ("permanent", True, True),
}


class PackageEvidence(NamedTuple):
    """The packages that a pattern found."""

    #: Name to the name of its state, None for one that could not be read.
    states: Mapping[str, str | None]
    #: Whether a package is there, now and after the next boot; None when that is not known.
    now: bool | None
    after: bool | None
    why: str

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {"states": dict(self.states), "description": self.why}


def judge_packages(reader: Reader, pattern: str | None) -> PackageEvidence | None:
    """Return the packages whose names match `pattern`, None when there is no pattern."""
    if pattern is None:
        return None
    answer = reader.read(KeyQuery(PACKAGES.path, children=Children(pattern, ("CurrentState",))))
    if isinstance(answer, Absent):
        return PackageEvidence({}, False, False, f"no package {pattern} is there")
    problem = answer if isinstance(answer, Unreadable) else answer.listing
    children = answer.children if isinstance(answer, Key) else {}
    found = {name: _state(child) for name, child in children.items()}
    known = [state for state in found.values() if state]
    doubt = problem is not None or len(known) < len(found)
    states = {name: state[0] if state else None for name, state in found.items()}
    told = listed([f"{name} is {state or 'in a state that is not known'}" for name, state in states.items()])
    why = told or f"no package {pattern} is there"
    if problem is not None:
        why = f"the packages could not be read: {problem.message}"

    # One that changes at the next boot decides, whatever others of that name are there already.
    moving = {state[1:] for state in known if state[1] != state[2]}
    if len(moving) > 1 or (doubt and not moving):
        return PackageEvidence(states, None, None, why)
    now, after = moving.pop() if moving else (any(state[place] for state in known) for place in (1, 2))
    return PackageEvidence(states, now, after, why)


def _state(child: Key | Unreadable) -> tuple[str, bool, bool] | None:
    value = child.values.get("CurrentState") if isinstance(child, Key) else child
    try:
        return PACKAGE_STATES.get(value.integer()) if isinstance(value, Value) else None
    except WrongTypeError:
        return None


def judge_marks(reader: Reader, marks: Sequence[Mark]) -> tuple[bool | None, str, list[dict[str, object]]]:
    """Return whether every mark is there, why, and each one by itself; no marks have no why."""
    found = [_mark(reader, mark) for mark in marks]
    evidence: list[dict[str, object]] = [
        {"key": mark.key, "value": mark.value, "equals": mark.equals, "there": there, "description": why}
        for mark, (there, why) in zip(marks, found, strict=True)
    ]
    answers = [there for there, _why in found]
    answer = False if False in answers else None if None in answers else True
    telling = [why for there, why in found if there is answer]
    return answer, "; ".join(telling), evidence


def _mark(reader: Reader, mark: Mark) -> tuple[bool | None, str]:
    where = f"HKLM\\{mark.key}"
    answer = reader.read(KeyQuery(mark.key, (mark.value,) if mark.value else ()))
    if isinstance(answer, Unreadable):
        return None, f"{where} could not be read: {answer.message}"
    if isinstance(answer, Absent):
        return False, f"{where} is not there"
    if mark.value is None:
        return True, f"{where} is there"
    where = f"{where}\\{mark.value}"
    value = answer.values.get(mark.value)
    if value is None:
        return False, f"{where} is not there"
    if isinstance(value, Unreadable):
        return None, f"{where} could not be read: {value.message}"
    if mark.equals is None:
        return True, f"{where} is there"
    try:
        content = value.integer() if isinstance(mark.equals, int) else value.text()
    except WrongTypeError as error:
        return False, f"{where} {error}"
    same = str(content).lower() == str(mark.equals).lower()
    return same, f"{where} is {content!r}" + ("" if same else f", {mark.equals!r} is wanted")


def applies(reader: Reader, wanted: AppliesTo) -> tuple[bool | None, str]:
    """Return whether the machine is one that the patch is for, and why; None when that is not known."""
    answers = [
        _build(reader, wanted),
        _architecture(reader, wanted),
        _mark(reader, Mark(wanted.key)) if wanted.key else (True, ""),
    ]
    for answer in (False, None):
        why = "; ".join(text for each, text in answers if each is answer)
        if why:
            return answer, why
    return True, "; ".join(text for _there, text in answers if text) or "it is for every machine"


def _build(reader: Reader, wanted: AppliesTo) -> tuple[bool | None, str]:
    if wanted.min_build is None and wanted.max_build is None:
        return True, ""
    key = reader.read(_WINDOWS)
    if isinstance(key, Unreadable):
        return None, f"the build could not be read: {key.message}"
    for name in _WINDOWS.values:
        text = _text(key, name)
        if text.isdecimal():
            least, most = wanted.min_build or 0, wanted.max_build
            fits = least <= int(text) and (most is None or int(text) <= most)
            return fits, f"Windows has build {text}"
    return None, "the build of Windows is not known"


def _architecture(reader: Reader, wanted: AppliesTo) -> tuple[bool | None, str]:
    if not wanted.architecture:
        return True, ""
    text = _text(reader.read(_ENVIRONMENT), "PROCESSOR_ARCHITECTURE")
    if not text:
        return None, "the architecture is not known"
    return text.lower() in wanted.architecture, f"the architecture is {text}"


def _text(answer: object, name: str) -> str:
    value = answer.values.get(name) if isinstance(answer, Key) else None
    try:
        return value.text() if isinstance(value, Value) else ""
    except WrongTypeError:
        return ""
