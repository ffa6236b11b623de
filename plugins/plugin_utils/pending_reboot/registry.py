# SPDX-License-Identifier: Apache-2.0
"""What is asked of a registry, and the four answers: a key, absent, denied, failed.

A *source* says what it needs as `KeyQuery` data; a *reader* answers each query. Values cross this border as type and
raw bytes, because most libraries lose the empty strings inside a REG_MULTI_SZ on the way (see `multi_sz`).

References:
    https://learn.microsoft.com/en-us/windows/win32/sysinfo/registry-value-types
    https://learn.microsoft.com/en-us/windows/win32/winprog64/shared-registry-keys
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from typing import Final, Literal, NamedTuple, Protocol

from .errors import WrongTypeError
from .multi_sz import decode_strings, decode_text, encode_strings

REG_NONE: Final = 0
REG_SZ: Final = 1
REG_EXPAND_SZ: Final = 2
REG_BINARY: Final = 3
REG_DWORD: Final = 4
REG_DWORD_BIG_ENDIAN: Final = 5
REG_LINK: Final = 6
REG_MULTI_SZ: Final = 7
REG_QWORD: Final = 11

TYPE_NAMES: Final[Mapping[int, str]] = {
    REG_NONE: "REG_NONE",
    REG_SZ: "REG_SZ",
    REG_EXPAND_SZ: "REG_EXPAND_SZ",
    REG_BINARY: "REG_BINARY",
    REG_DWORD: "REG_DWORD",
    REG_DWORD_BIG_ENDIAN: "REG_DWORD_BIG_ENDIAN",
    REG_LINK: "REG_LINK",
    REG_MULTI_SZ: "REG_MULTI_SZ",
    REG_QWORD: "REG_QWORD",
}

_INTEGERS: Final[Mapping[int, tuple[int, Literal["little", "big"]]]] = {
    REG_DWORD: (4, "little"),
    REG_DWORD_BIG_ENDIAN: (4, "big"),
    REG_QWORD: (8, "little"),
}


class Value(NamedTuple):
    """A registry value: its type and every byte of its data."""

    type: int
    data: bytes

    @property
    def type_name(self) -> str:
        """The type's name as Windows documents it, `type N` for an unknown one."""
        return TYPE_NAMES.get(self.type, f"type {self.type}")

    def integer(self) -> int:
        """Return the unsigned number of a REG_DWORD or REG_QWORD.

        Raises:
            WrongTypeError: the type is no integer type, or the data has not its size.
        """
        size, order = _INTEGERS.get(self.type, (0, "little"))
        if not size:
            raise WrongTypeError(f"is {self.type_name}, expected REG_DWORD")
        if len(self.data) != size:
            raise WrongTypeError(f"is {self.type_name} with {len(self.data)} bytes, expected {size}")
        return int.from_bytes(self.data, order)

    def text(self) -> str:
        """Return the string of a REG_SZ or REG_EXPAND_SZ, up to its first NUL.

        Raises:
            WrongTypeError: the type is no string type.
        """
        if self.type not in (REG_SZ, REG_EXPAND_SZ):
            raise WrongTypeError(f"is {self.type_name}, expected REG_SZ")
        return decode_text(self.data)

    def strings(self) -> list[str]:
        """Return all strings of a REG_MULTI_SZ, empty ones included, without the list's terminator.

        Raises:
            WrongTypeError: the type is not REG_MULTI_SZ.
        """
        if self.type != REG_MULTI_SZ:
            raise WrongTypeError(f"is {self.type_name}, expected REG_MULTI_SZ")
        return decode_strings(self.data)

    @classmethod
    def from_integer(cls, number: int, type_: int = REG_DWORD) -> Value:
        """Return the value Windows would store for `number`."""
        size, order = _INTEGERS[type_]
        return cls(type_, number.to_bytes(size, order))

    @classmethod
    def from_text(cls, text: str, type_: int = REG_SZ) -> Value:
        """Return the value Windows would store for `text`."""
        return cls(type_, (text + "\0").encode("utf-16-le", "surrogatepass"))

    @classmethod
    def from_strings(cls, strings: Sequence[str]) -> Value:
        """Return the REG_MULTI_SZ Windows would store for `strings`, empty ones kept."""
        return cls(REG_MULTI_SZ, encode_strings(strings))


Kind = Literal["denied", "failed", "unsupported"]


class Absent(NamedTuple):
    """The key, or the thing asked for, is not there. This was seen, not guessed."""


class Unreadable(NamedTuple):
    """It could not be looked at: refused, broken, or out of this reader's sight."""

    kind: Kind
    #: The number the platform gave (Win32 error, HRESULT, WMI return value), None when there is none.
    code: int | None
    message: str

    def to_dict(self) -> dict[str, object]:
        """Return the `error` object of the facts schema."""
        return {"kind": self.kind, "code": self.code, "message": self.message}


ABSENT: Final = Absent()


class Key(NamedTuple):
    """A key that could be opened, with those of its values and children that were asked for."""

    #: Last write as FILETIME (100 ns since 1601-01-01 UTC), None where the reader cannot see it.
    last_write: int | None = None
    #: Found values: under the name asked for, or under their own name when all were asked for.
    values: Mapping[str, Value | Unreadable] = {}
    #: Found children that match the query, by name.
    children: Mapping[str, Key | Unreadable] = {}
    #: Set when the key opened but its values or children could not be listed.
    listing: Unreadable | None = None


Answer = Key | Absent | Unreadable

#: Ask which values a key has, by name. A reader for which that costs more may leave their data out.
ALL: Final = ("*",)


class Children(NamedTuple):
    """Which subkeys of a key to read: their name pattern (`*` and `?`, any letter case) and their values."""

    pattern: str
    values: tuple[str, ...] = ()


class KeyQuery(NamedTuple):
    """One key that a source wants to know about.

    `path` is below HKEY_LOCAL_MACHINE, as the 64-bit view names it. A key is asked for by opening it, never by
    looking for its name in the parent's list.
    """

    path: str
    values: tuple[str, ...] = ()
    children: Children | None = None
    #: 32 asks for the 32-bit view of SOFTWARE.
    view: Literal[32, 64] = 64
    #: The key lives in memory only and never reaches a hive file.
    volatile: bool = False
    #: offline: a lasting trace that only files are searched for. packages: of a live machine read only on request.
    only: Literal["always", "offline", "packages"] = "always"

    @property
    def real_path(self) -> str:
        r"""The path with the 32-bit view spelled out (`SOFTWARE\WOW6432Node\...`)."""
        return redirect(self.path, self.view)


def redirect(path: str, view: Literal[32, 64]) -> str:
    r"""Return where `path` (below HKLM) lives when it is asked for in `view`.

    HKLM\SOFTWARE is redirected under WOW64, HKLM\SYSTEM is shared by both views.
    """
    head, _separator, rest = path.partition("\\")
    if view == 64 or head.upper() != "SOFTWARE":
        return path
    return f"{head}\\WOW6432Node\\{rest}" if rest else f"{head}\\WOW6432Node"


class Capabilities(NamedTuple):
    """What a reader can see at all; asked before it is used."""

    #: visible: volatile keys can be read. lost: the machine was shut down, they are gone for good.
    #: hidden: they may exist in memory, but not in what is read.
    volatile: Literal["visible", "lost", "hidden"] = "visible"
    #: Why volatile keys are lost or hidden, as a sentence for the user.
    reason: str = ""
    #: True for a running machine; False for files of one.
    live: bool = True


class Reader(Protocol):
    """Answers queries. Never raises for what the machine refuses: that is an answer."""

    @property
    def name(self) -> str:
        """`collected.reader` of the facts: winreg, wsman, powershell, hive, reg, snapshot, memory."""

    @property
    def capabilities(self) -> Capabilities:
        """What this reader can see."""

    @property
    def warnings(self) -> Sequence[str]:
        """What the user should know about what was read, one sentence each."""

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question."""

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        """Answer a question that is none of the registry's (`probes`)."""


_EPOCH: Final = datetime(1601, 1, 1, tzinfo=timezone.utc)


def filetime_to_datetime(filetime: int) -> datetime | None:
    """Return the UTC time of a FILETIME, None when it lies outside of what a date can be."""
    try:
        return _EPOCH + timedelta(microseconds=filetime // 10)
    except OverflowError:
        return None


def datetime_to_filetime(when: datetime) -> int:
    """Return `when` (aware) as FILETIME: 100 ns since 1601-01-01 UTC."""
    return ((when - _EPOCH) // timedelta(microseconds=1)) * 10


def iso(when: datetime) -> str:
    """Return `when` as ISO 8601 in UTC with `Z`, without fractions."""
    return when.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
