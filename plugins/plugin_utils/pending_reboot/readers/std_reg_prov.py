# SPDX-License-Identifier: Apache-2.0
"""The registry of a machine through WMI's StdRegProv.

Requests are few: a value whose type is known is asked for at once, which tells about its key, too; and where several
keys have one parent, the parent's list shows which of them are not there. StdRegProv tells no last-write times.

References:
    https://learn.microsoft.com/en-us/previous-versions/windows/desktop/regprov/stdregprov
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import translate
from typing import Final
from xml.etree.ElementTree import Element

from ..registry import (
    ABSENT,
    ALL,
    REG_BINARY,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_QWORD,
    REG_SZ,
    Absent,
    Answer,
    Key,
    KeyQuery,
    Unreadable,
    Value,
)
from .soap import BadAnswerError, Question, invoke, listed_numbers, number, text, texts

_HKLM: Final = 2147483650
#: Delegated accounts usually have rights in the first one; the second is where the class was born.
_NAMESPACES: Final = ("root/cimv2", "root/default")

#: ReturnValue of StdRegProv.
_OK, _NO_VALUE, _NO_KEY, _DENIED = 0, 1, 2, 5
_WRONG_TYPE: Final = 0x80041005

#: By type: the method, the element that its answer has, and how its texts become bytes.
_GETTERS: Final[Mapping[int, tuple[str, str, Callable[[int, list[str]], Value]]]] = {
    REG_SZ: ("GetStringValue", "sValue", lambda _type, found: Value.from_text("".join(found[:1]))),
    REG_EXPAND_SZ: (
        "GetExpandedStringValue",
        "sValue",
        lambda kind, found: Value.from_text("".join(found[:1]), kind),
    ),
    REG_DWORD: ("GetDWORDValue", "uValue", lambda _type, found: Value.from_integer(_one(found))),
    REG_QWORD: ("GetQWORDValue", "uValue", lambda kind, found: Value.from_integer(_one(found), kind)),
    REG_MULTI_SZ: ("GetMultiStringValue", "sValue", lambda _type, found: Value.from_strings(found)),
    REG_BINARY: (
        "GetBinaryValue",
        "uValue",
        lambda kind, found: Value(kind, bytes(map(_one, ([each] for each in found)))),
    ),
}

#: Types that Windows gives these values, so that one request is enough; another type is found out.
_USUAL_TYPES: Final[Mapping[str, int]] = {
    "ComputerName": REG_SZ,
    "Hostname": REG_SZ,
    "NV Hostname": REG_SZ,
    "SystemRoot": REG_SZ,
    "Flags": REG_DWORD,
    "UpdateExeVolatile": REG_DWORD,
    "CurrentRebootAttempts": REG_DWORD,
    "RestartRequired": REG_DWORD,
    "Reboot required": REG_DWORD,
    "CurrentState": REG_DWORD,
}
#: Keys below these are looked for in their list first: one list answers for several keys that are mostly not there.
_MICROSOFT: Final = r"SOFTWARE\Microsoft"
#: Of its list; where they are missing, no list of that host proves anything.
_EVERY_WINDOWS: Final = frozenset({"windows", "windows nt"})
_LISTED: Final = (
    _MICROSOFT,
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing",
    r"SYSTEM\CurrentControlSet\Services\Netlogon",
)

#: Asks a question; returns the element that answers, or what the fault in its place means.
Ask = Callable[[Question], "Element | Absent | Unreadable"]


class StdRegProv:
    """The keys below HKEY_LOCAL_MACHINE. Lists, and what is known not to be there, are remembered."""

    def __init__(self, ask: Ask) -> None:
        """Ask through `ask`."""
        self._ask = ask
        self._namespace = ""
        self._lists: dict[str, frozenset[str] | None] = {}
        self._absent: set[str] = set()

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question."""
        path = query.real_path
        if self.is_not_there(path):
            return ABSENT
        key = self._values(path, query.values)
        if not isinstance(key, Key) or query.children is None:
            return key
        return self._children(path, query, key)

    def is_not_there(self, path: str) -> bool:
        """Tell whether it is known that there is no key at `path`; its parent may be listed for that."""
        if self._is_known_absent(path):
            return True
        lower = path.lower()
        for parent in _LISTED:
            if lower.startswith(parent.lower() + "\\") and self._lists_are_whole():
                names = self._list(parent)
                child = lower[len(parent) + 1 :].partition("\\")[0]
                if names is not None and child not in names:
                    self._absent.add(f"{parent.lower()}\\{child}")
                    return True
        return False

    def _is_known_absent(self, path: str) -> bool:
        lower = path.lower()
        return any(lower == each or lower.startswith(each + "\\") for each in self._absent)

    def _lists_are_whole(self) -> bool:
        """Tell whether what is not in a list is not there: not on a host whose list lacks what every Windows has."""
        names = self._list(_MICROSOFT)
        return names is not None and names >= _EVERY_WINDOWS

    def _list(self, parent: str) -> frozenset[str] | None:
        """Return the lower-case names of the keys below `parent`, None when they could not be listed."""
        if parent not in self._lists:
            names = ABSENT if self._is_known_absent(parent) else self._names(parent)
            there = [] if isinstance(names, Absent) and parent != _MICROSOFT else names
            self._lists[parent] = frozenset(name.lower() for name in there) if isinstance(there, list) else None
        return self._lists[parent]

    def _names(self, path: str) -> list[str] | Absent | Unreadable:
        answer = self._registry("EnumKey", path)
        if isinstance(answer, (Absent, Unreadable)):
            return answer
        failure = self._failure(answer, path, listed=True)
        return texts(answer, "sNames") if failure is None else failure

    def _failure(
        self, answer: Element, path: str, *, value: bool = False, listed: bool = False
    ) -> Absent | Unreadable | None:
        """Return what a ReturnValue means, None for success.

        `value` says that a value was asked for, `listed` that keys were, which proves nothing about those below.
        """
        code = number(text(answer, "ReturnValue"))
        if code == _OK:
            return None
        if code == _NO_VALUE and value:
            return ABSENT
        if code == _NO_KEY:
            if not listed:
                self._absent.add(path.lower())
            return ABSENT
        if code == _DENIED:
            return Unreadable("denied", code, "access is denied")
        said = "gave no ReturnValue" if code is None else f"returned {code} ({code:#x})"
        return Unreadable("failed", code, f"StdRegProv {said}")

    def _values(self, path: str, names: tuple[str, ...]) -> Answer:
        """Return the key with these values."""
        if names and names != ALL and all(name in _USUAL_TYPES for name in names):
            found = self._usual(path, names)
            if found is not None:
                return found
        answer = self._registry("EnumValues", path)
        if isinstance(answer, (Absent, Unreadable)):
            return answer
        failure = self._failure(answer, path)
        if failure is not None:
            return failure
        try:
            there = dict(zip(texts(answer, "sNames"), listed_numbers(answer, "Types"), strict=True))
        except (BadAnswerError, ValueError) as error:
            return Unreadable("failed", None, f"EnumValues gave names and types that do not match: {error}")
        if names == ALL:
            return Key(values={name: Value(kind, b"") for name, kind in there.items()})
        wanted = {name.lower(): name for name in names}
        values: dict[str, Value | Unreadable] = {}
        for name, kind in there.items():
            if name.lower() in wanted:
                value = self._value(path, name, kind)
                if not isinstance(value, Absent):
                    values[wanted[name.lower()]] = value
        return Key(values=values)

    def _usual(self, path: str, names: tuple[str, ...]) -> Answer | None:
        """Return the key, its values asked for by their usual types; None when one has another type."""
        values: dict[str, Value | Unreadable] = {}
        for name in names:
            value = self._value(path, name, _USUAL_TYPES[name])
            if isinstance(value, Unreadable):
                if value.code == _WRONG_TYPE:
                    return None
                if value.code == _DENIED or value.code is None:
                    return value  # of the key: a value has no rights of its own
                values[name] = value
            elif isinstance(value, Value):
                values[name] = value
            elif path.lower() in self._absent:
                return ABSENT
        return Key(values=values)

    def _value(self, path: str, name: str, kind: int) -> Value | Absent | Unreadable:
        method, element, make = _GETTERS.get(kind, _GETTERS[REG_BINARY])
        answer = self._registry(method, path, name)
        if isinstance(answer, (Absent, Unreadable)):
            return answer
        failure = self._failure(answer, path, value=True)
        if failure is not None:
            return failure
        try:
            return make(kind, texts(answer, element))
        except (ValueError, OverflowError):
            return Unreadable("failed", None, f"{method} gave what is no such value")

    def _children(self, path: str, query: KeyQuery, key: Key) -> Key:
        if query.children is None:
            raise AssertionError("nobody asked for subkeys")
        pattern, values = query.children
        names = self._names(path)
        if isinstance(names, Absent):
            return key  # it has gone since
        if isinstance(names, Unreadable):
            return key._replace(listing=names)
        fits = re.compile(translate(pattern), re.IGNORECASE).match
        children: dict[str, Key | Unreadable] = {}
        for name in names:
            if fits(name):
                child = self._values(f"{path}\\{name}", values)
                if not isinstance(child, Absent):
                    children[name] = child
        return key._replace(children=children)

    def _registry(self, method: str, path: str, value: str | None = None) -> Element | Absent | Unreadable:
        arguments: dict[str, object] = {"hDefKey": _HKLM, "sSubKeyName": path}
        if value is not None:
            arguments["sValueName"] = value
        answer: Element | Absent | Unreadable = ABSENT
        for namespace in (self._namespace,) if self._namespace else _NAMESPACES:
            try:
                answer = self._ask(invoke(namespace, "StdRegProv", method, arguments))
            except ValueError as error:
                return Unreadable("failed", None, str(error))
            if not isinstance(answer, (Absent, Unreadable)):
                self._namespace = namespace
            if not isinstance(answer, Absent):
                return answer
        return Unreadable("unsupported", None, "this host's WMI has no StdRegProv, so its registry cannot be read")


def _one(found: list[str]) -> int:
    value = number(found[0] if len(found) == 1 else None)
    if value is None:
        raise ValueError("no number")
    return value
