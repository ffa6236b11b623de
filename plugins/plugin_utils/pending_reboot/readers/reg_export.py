# SPDX-License-Identifier: Apache-2.0
"""Windows registry exports (`.reg` text) as a reader.

Understood is what regedit, `reg export`, reged and hivexregedit write, and what people paste of it. An export is one or
more subtrees; about every other key it says nothing, so a key outside of them is unreadable and never absent.

A file cut off between two bytes of a hex list cannot be told from a whole one. What is cut anywhere else is an error.

References:
    https://support.microsoft.com/topic/9c7f37cf-a5e9-e1cd-c4fa-2a26218a1a23 (the .reg syntax);
    https://gitlab.winehq.org/wine/wine/-/blob/master/programs/reg/import.c (wraps, comments, where a key line ends);
    https://libguestfs.org/Win-Hivex-Regedit.3.html (exports without a header and without a root key)
"""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from .. import registry
from ..errors import InputError
from ..registry import Absent, Answer, Capabilities, KeyQuery, Unreadable, Value
from .memory import MemoryKey, MemoryRegistry

#: Exports of whole machines stay below this; what is larger is most likely no export.
MAX_SIZE: Final = 256 * 1024 * 1024
#: https://learn.microsoft.com/en-us/windows/win32/sysinfo/registry-element-size-limits
MAX_DEPTH: Final = 512

_BOMS: Final = ((b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"), (b"\xef\xbb\xbf", "utf-8"))
#: Header line: whether string data below it is in the ANSI code page.
_HEADERS: Final = {"windows registry editor version 5.00": False, "regedit4": True}
#: The bytes cp1252 leaves undefined. Windows reads them as the control characters of the same number.
_UNDEFINED: Final = {0xDC00 + byte: byte for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D)}

# A byte order mark in the middle comes from files that were joined.
_BLANK: Final = re.compile("[ \t\r\n\ufeff]*")
_EQUALS: Final = re.compile("[ \t]*=[ \t]*")
_LINE: Final = re.compile("[^\r\n]*")
_NEWLINE: Final = re.compile("\r\n|\r|\n")
_ESCAPE: Final = re.compile(r'\\(["\\])')
_DWORD: Final = re.compile("[0-9A-Fa-f]{1,8}")
_KIND: Final = re.compile(r"(?:(dword)|hex(?:\(([0-9a-f]{1,8})\))?):", re.IGNORECASE | re.ASCII)
_CONTROL_SET: Final = re.compile(r"ControlSet[0-9]{3}", re.IGNORECASE | re.ASCII)

_CURRENT: Final = "CurrentControlSet"
#: First keys that tell the hive of a path without a root key.
_SYSTEM_TOPS: Final = re.compile(r"CurrentControlSet|ControlSet[0-9]{3}|Select|Setup", re.IGNORECASE | re.ASCII)
_SOFTWARE_TOPS: Final = re.compile(r"Microsoft|Policies|WOW6432Node", re.IGNORECASE | re.ASCII)
_ANSI_TYPES: Final = (registry.REG_SZ, registry.REG_EXPAND_SZ, registry.REG_MULTI_SZ)

_NOT_LIVE: Final = Capabilities("hidden", "the export does not say whether it was made on the running machine", False)

_OTHER_ROOT: Final = "keys outside of HKEY_LOCAL_MACHINE are skipped"
_NO_ROOT: Final = "keys without a root key are skipped, their hive is not known"
_GUESSED_ROOT: Final = "keys without a root key are taken as keys of HKLM\\SYSTEM or HKLM\\SOFTWARE"
_DELETIONS: Final = "deletions are applied, which no export holds: the file looks like a script for import"


@dataclass
class ExportContent:
    """What one or more exports say, in their order."""

    #: Path below HKEY_LOCAL_MACHINE of each key line, and the values below that line (None deletes the value).
    keys: list[tuple[str, list[tuple[str, Value | None]]]] = field(default_factory=list)
    #: Path of each deleted key in lower case, and how many of `keys` came before its last deletion.
    deletions: dict[str, int] = field(default_factory=dict)
    #: What the user should know, one sentence each.
    warnings: list[str] = field(default_factory=list)


class RegExport:
    r"""Registry exports as a reader. Satisfies `registry.Reader`.

    A key is absent only when the exports cover it: when it or one of its ancestors has a key line of its own. Every
    value of a covered key is taken to be in the export.

    Volatile keys are "visible" in an export of the running machine: when the user says so (`live`), or when it holds
    `SYSTEM\CurrentControlSet`, a link that Windows makes at boot and that no hive file contains. Otherwise they are
    "hidden"; one that is in the export is reported all the same. Where that link is missing, questions about it are
    answered from the control set that `Select\Current` names, or from the only one there is (with a warning).
    """

    def __init__(self, content: ExportContent, *, live: bool = False) -> None:
        self.name = "reg"
        self.warnings = list(content.warnings)
        self._registry = MemoryRegistry(name=self.name)
        self._fill(content)
        self._exported = {path.lower() for path, _content in content.keys}
        #: The name of the control set that stands for CurrentControlSet, or why there is none.
        self._current = self._current_control_set()
        self.capabilities = Capabilities() if live or self._current == _CURRENT else _NOT_LIVE

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question from what the exports cover."""
        parts = _parts(query.real_path)
        asked = "\\".join(parts)
        if [part.lower() for part in parts[:2]] == ["system", _CURRENT.lower()]:
            if isinstance(self._current, Unreadable):
                return self._current
            parts[1] = self._current
        path = "\\".join(parts)
        if self._exported.isdisjoint(_ancestors(path.lower())):
            return Unreadable("unsupported", None, f"the export does not cover HKLM\\{asked}")
        return self._registry.read(query._replace(path=path, view=64))

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        """Return "unsupported": an export answers nothing but questions about the registry."""
        return self._registry.probe(name)

    def _fill(self, content: ExportContent) -> None:
        for index, (path, values) in enumerate(content.keys):
            # Looked up instead of carried out, because removing keys one by one would take quadratic time.
            if content.deletions and any(content.deletions.get(key, 0) > index for key in _ancestors(path.lower())):
                continue
            key = self._registry.key(path)
            for name, value in values:
                key.remove_value(name)
                if value is not None:
                    key.put(name, value)

    def _current_control_set(self) -> str | Unreadable:
        system = self._registry.root.child("SYSTEM") or MemoryKey("SYSTEM")
        if system.child(_CURRENT):
            return _CURRENT
        sets = sorted(name for name, _key in system.children() if _CONTROL_SET.fullmatch(name))
        value = (system.child("Select") or MemoryKey("Select")).value("Current")
        if isinstance(value, Value) and value.type == registry.REG_DWORD and len(value.data) == 4:
            selected = f"ControlSet{int.from_bytes(value.data, 'little'):03}"
            if system.child(selected):
                return selected
            why = f"the current control set, {selected}, is not in the export"
        elif len(sets) == 1:
            self.warnings.append(f"{sets[0]} is taken as the current control set: it is the only one in the export")
            return sets[0]
        elif sets:
            why = f"which control set is current is not in the export ({', '.join(sets)})"
        else:
            why = f"the export does not cover HKLM\\SYSTEM\\{_CURRENT}"
        return Unreadable("unsupported", None, why)


def load_exports(paths: Iterable[str | os.PathLike[str]], *, live: bool = False) -> RegExport:
    """Return the reader of one or more `.reg` files. Where they disagree, the later file wins.

    `live` says that they were made on the running machine, so that a missing volatile key is really absent.

    Raises:
        InputError: no file is given, or one cannot be opened or is no `.reg` export.
    """
    content = ExportContent()
    names = [os.fspath(path) for path in paths]
    if not names:
        raise InputError("no .reg export is given")
    for name in names:
        try:
            with Path(name).open("rb") as stream:
                data = stream.read(MAX_SIZE + 1)
        except (OSError, ValueError) as error:
            raise InputError(getattr(error, "strerror", None) or str(error), where=name) from error
        parse_export(data, name=name, into=content)
    return RegExport(content, live=live)


def parse_export(data: bytes, *, name: str, into: ExportContent) -> None:
    """Add what the export `data` says to `into`; `name` is what errors and warnings call it.

    Under the header REGEDIT4 the data of `hex(1)`, `hex(2)` and `hex(7)` is ANSI text; it is turned into the UTF-16LE
    that Windows stores, so that a value has the same bytes whichever way it was exported. See `_is_utf16` for the
    files that hold UTF-16 there already. Everything else is kept byte for byte.

    Raises:
        InputError: `data` is no `.reg` export. The first error counts, `where` has its line (`name:line`).
    """
    if len(data) > MAX_SIZE:
        raise InputError(f"is larger than {MAX_SIZE} bytes", where=name, hint="export only the keys that are needed")
    if data.startswith(b"regf"):
        raise InputError("this is a hive, not a .reg export: give it with --system or --software", where=name)
    if not data:
        raise InputError("is empty", where=name)
    _Parser(_decode(data, name), name, into).parse()


def _decode(data: bytes, name: str) -> str:
    # Without a mark: the first character of every export is an ASCII one, so a NUL beside it tells.
    unmarked = "utf-16-le" if data[1:2] == b"\0" else "utf-16-be" if data[:1] == b"\0" else "utf-8"
    encoding = next((encoding for mark, encoding in _BOMS if data.startswith(mark)), unmarked)
    try:
        # Lone surrogates are legal in registry names, and regedit writes them as they are.
        return data.decode(encoding, "strict" if encoding == "utf-8" else "surrogatepass")
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise InputError("ends in the middle of a UTF-16 character", where=name) from error
        if data.lstrip()[:8].lower() == b"regedit4":
            return _ansi_text(data)
        line = len(_NEWLINE.findall(data[: error.start].decode())) + 1
        raise InputError("is not text in UTF-16 or UTF-8", where=f"{name}:{line}") from error


def _ansi_text(data: bytes) -> str:
    return data.decode("cp1252", "surrogateescape").translate(_UNDEFINED)


def _is_utf16(data: bytes) -> bool:
    """Return whether string data below REGEDIT4 is UTF-16LE already, as tools that only change the header leave it.

    It is when it has an even size, ends in a 16-bit NUL and has a NUL as most of its high bytes before that. ANSI text
    meets this only as a list of one-letter strings. A single letter is taken as ANSI, which reads the same.
    """
    high = data.rstrip(b"\0")[1::2]
    return len(data) % 2 == 0 and data.endswith(b"\0\0") and high.count(0) * 2 > len(high)


class _Parser:
    """Walks once over the text of one export. `start` is where the line begins that an error is about."""

    def __init__(self, text: str, name: str, into: ExportContent) -> None:
        self.text, self.name, self.into = text, name, into
        self.pos = self.start = 0
        self.ansi = False
        self.values: list[tuple[str, Value | None]] | None = None
        self.notes: Counter[str] = Counter()

    def parse(self) -> None:
        self.start = self.text.find("\0")
        if self.start >= 0:
            raise self._error("is binary data, not the text of a .reg export")
        while self._skip(_BLANK) < len(self.text):
            self.start = self.pos
            if self.text[self.pos] == "[":
                self._key()
            elif self.text[self.pos] in '"@':
                self._value()
            else:
                self._other()
        if self.values is None and not self.notes:
            raise InputError("holds no registry key", where=self.name)
        self.into.warnings.extend(f"{self.name}: {note}: {count}" for note, count in self.notes.items())

    def _error(self, what: str) -> InputError:
        line = len(_NEWLINE.findall(self.text, 0, self.start)) + 1
        return InputError(what, where=f"{self.name}:{line}")

    def _skip(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.pos)
        self.pos = found.end() if found else self.pos
        return self.pos

    def _take(self, char: str) -> bool:
        taken = self.text.startswith(char, self.pos)
        self.pos += taken
        return taken

    def _line(self) -> str:
        """Return the rest of the line and go to its end."""
        begin = self.pos
        return self.text[begin : self._skip(_LINE)]

    def _other(self) -> None:
        line = self._line().rstrip(" \t")
        if line.lower() in _HEADERS:
            self.ansi = _HEADERS[line.lower()]
        elif not line.startswith(";"):
            raise self._error(f"is neither a key, a value nor a comment: {line[:40]!r}")

    def _key(self) -> None:
        # A key's name may contain brackets: as in regedit, the last one of the line closes it.
        inside, bracket, rest = self._line()[1:].rpartition("]")
        if not bracket:
            raise self._error("the key has no closing ]")
        if rest.lstrip(" \t")[:1] not in ("", ";"):
            raise self._error(f"text after the closing ] of a key: {rest[:40]!r}")
        written = inside.removeprefix("-")
        if not written:
            raise self._error("the key has no name")
        path = self._place(written)
        self.values = [] if written == inside else None
        if self.values is None:
            self.notes[_DELETIONS] += 1
            if path is not None:
                self.into.deletions[path.lower()] = len(self.into.keys)
        elif path is not None:
            self.into.keys.append((path, self.values))

    def _place(self, written: str) -> str | None:
        """Return the path below HKLM of a key line, None for a key that is not there."""
        parts = _parts(written)
        if len(parts) > MAX_DEPTH:
            raise self._error(f"the key has {len(parts)} levels, Windows allows {MAX_DEPTH}")
        top = parts[0].lower() if parts else ""
        if top in ("hkey_local_machine", "hklm"):
            return "\\".join(parts[1:])
        for hive, tops in (("SYSTEM", _SYSTEM_TOPS), ("SOFTWARE", _SOFTWARE_TOPS)):
            if tops.fullmatch(top):
                self.notes[_GUESSED_ROOT] += 1
                return "\\".join((hive, *parts))
        self.notes[_OTHER_ROOT if top.startswith("hk") else _NO_ROOT] += 1
        return None

    def _value(self) -> None:
        if self.values is None:
            raise self._error("a value without a key before it")
        name = "" if self._take("@") else self._quoted()
        end = self.pos
        if self._skip(_EQUALS) == end:
            raise self._error("no = after the name of a value")
        value = self._data()
        rest = self._line().lstrip(" \t")
        if rest[:1] not in ("", ";"):
            raise self._error(f"text after the data of a value: {rest[:40]!r}")
        self.values.append((name, value))

    def _quoted(self) -> str:
        """Return the quoted string that begins here. Line breaks are part of it, regedit does not escape them."""
        begin = self.pos + 1
        end = self.text.find('"', begin)
        while end >= 0:
            back = end
            while self.text[back - 1] == "\\":
                back -= 1
            if (end - back) % 2 == 0:  # an even number of backslashes escapes itself, not the quote
                self.pos = end + 1
                return _ESCAPE.sub(r"\1", self.text[begin:end])
            end = self.text.find('"', end + 1)
        raise self._error("a string has no closing quote")

    def _data(self) -> Value | None:
        if self.text.startswith('"', self.pos):
            return Value.from_text(self._quoted())
        if self._take("-"):
            self.notes[_DELETIONS] += 1
            return None
        kind = _KIND.match(self.text, self.pos)
        if kind is None:
            raise self._error(f"data of an unknown kind: {self._line()[:40]!r}")
        self.pos = kind.end()
        if kind[1]:
            digits = self._line().partition(";")[0].strip(" \t")
            if not _DWORD.fullmatch(digits):
                raise self._error(f"dword is no hexadecimal number of up to 8 digits: {digits[:40]!r}")
            return Value.from_integer(int(digits, 16))
        number = int(kind[2], 16) if kind[2] else registry.REG_BINARY
        data = self._hex()
        if self.ansi and number in _ANSI_TYPES and not _is_utf16(data):
            data = _ansi_text(data).encode("utf-16-le")
        return Value(number, data)

    def _hex(self) -> bytes:
        """Return the bytes of a hex list that may be wrapped: a line that ends in a backslash goes on in the next."""
        pieces: list[bytes] = []
        while True:
            digits = self._line().partition(";")[0].strip(" \t")
            wrapped = digits.endswith("\\")
            if wrapped:
                digits = digits[:-1].rstrip(" \t")
            if digits and wrapped != digits.endswith(","):
                missing = "a comma before the \\" if wrapped else "its last part, it ends with a comma"
                raise self._error(f"a hex list lacks {missing}")
            if digits:
                pieces.append(self._bytes(digits[:-1] if wrapped else digits))
            if not wrapped:
                return b"".join(pieces)
            self._next_wrap()

    def _next_wrap(self) -> None:
        while self._skip(_BLANK) < len(self.text):
            if self.text[self.pos] != ";":
                self.start = self.pos
                return
            self._line()
        raise self._error("a hex list is cut off: the file ends where it goes on")

    def _bytes(self, digits: str) -> bytes:
        bare = digits.replace(" ", "").replace("\t", "")
        try:
            data = bytes.fromhex(digits.replace(",", " "))
        except ValueError:
            data = b""
        # Two digits and one comma in turn: every third character is a comma, and no character is left over.
        if len(data) * 3 - 1 != len(bare) or bare[2::3].strip(","):
            raise self._error(f"is no list of hex bytes: {digits[:40]!r}")
        return data


def _parts(path: str) -> list[str]:
    return [part for part in path.split("\\") if part]


def _ancestors(path: str) -> Iterator[str]:
    """Yield the path, its parents, and the root (the empty path)."""
    yield path
    while path:
        path = path.rpartition("\\")[0]
        yield path
