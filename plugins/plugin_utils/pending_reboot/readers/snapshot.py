# SPDX-License-Identifier: Apache-2.0
r"""A machine written down as plain data (YAML or JSON): for tests, demonstrations and simulated machines.

    host: WEB01
    boot_time: 2026-11-20T03:12:00Z
    keys:
      SYSTEM\CurrentControlSet\Control\Session Manager:
        values:
          PendingFileRenameOperations: ['\??\C:\Windows\SET1.tmp', '!\??\C:\Windows\system32\clbcatq.dll']
      SOFTWARE\Microsoft\Updates\UpdateExeVolatile: {values: {Flags: 1}, last_write: 2026-11-20T03:10:00Z}
      SOFTWARE\Microsoft\ServerManager: denied
    probes:
      windows_update_agent: {reboot_required: false}
    files:
      C:\Windows\system32\clbcatq.dll: {version: 2001.12.4720.9}

Paths are below HKEY_LOCAL_MACHINE. What is not written is not there, apart from the few keys that every Windows has. A
number is a REG_DWORD, a text a REG_SZ, a list of texts a REG_MULTI_SZ; anything else is `{type: REG_QWORD, data: 1}` or
`{type: REG_BINARY, base64: AAE=}`. A key is volatile when Windows makes it so; `volatile: false` makes it one that a
reboot leaves. `denied` and `failed` stand for a key, a value, a probe or a file that cannot be read. A file has a
`version`, a `sha256`, both or none of them; without `files` nothing is known about any file.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any, Final

from ..errors import InputError, WrongTypeError
from ..files import FileInfo, parse_version, version_text
from ..plain_data import flag, mapping
from ..policy import parse_time
from ..probes import BOOT_TIME, HOST
from ..registry import (
    ABSENT,
    REG_DWORD,
    REG_EXPAND_SZ,
    REG_MULTI_SZ,
    REG_QWORD,
    REG_SZ,
    TYPE_NAMES,
    Absent,
    Unreadable,
    Value,
    datetime_to_filetime,
    filetime_to_datetime,
    iso,
)
from ..sources import all_sources
from ..sources.pending_file_rename import SYSTEM_ROOT
from .memory import DENIED, MemoryKey, MemoryRegistry

#: The version of this format.
FORMAT: Final = 1

_FIELDS: Final = frozenset({"snapshot", "host", "boot_time", "keys", "probes", "files"})
_FILE_FIELDS: Final = frozenset({"version", "sha256", "error"})
_KEY_FIELDS: Final = frozenset({"values", "last_write", "volatile", "error"})
_EVERY_WINDOWS: Final = (
    r"SYSTEM\CurrentControlSet\Control\Session Manager",
    r"SOFTWARE\Microsoft\Windows\CurrentVersion",
)
#: SystemRoot, where it is not written.
_USUAL_ROOT: Final = r"C:\Windows"
_FAILED: Final = Unreadable("failed", 1018, "the key is marked for deletion")
_REFUSALS: Final[Mapping[object, Unreadable]] = {"denied": DENIED, "failed": _FAILED}
_ROOTS: Final = ("HKLM\\", "HKEY_LOCAL_MACHINE\\")
_TYPES: Final = {name: number for number, name in TYPE_NAMES.items()}
#: Where a written machine's boot time comes from, for `last_reboot.source`.
_SOURCE: Final = "snapshot"


def from_snapshot(data: object, *, where: str = "snapshot") -> MemoryRegistry:
    """Return the reader of the machine that plain data describes.

    Args:
        data: the snapshot, as YAML or JSON gives it.
        where: names it in errors, such as its file.

    Raises:
        InputError: the data is no snapshot; the error names the field.
    """
    content = mapping(data, where, _FIELDS)
    if content.get("snapshot", FORMAT) != FORMAT:
        raise InputError(f"is version {content['snapshot']!r}, this program knows {FORMAT}", where=f"{where}: snapshot")
    probes: dict[str, Mapping[str, object] | Absent | Unreadable] = dict.fromkeys(_all_probes(), ABSENT)
    for name, answer in mapping(content.get("probes") or {}, f"{where}: probes").items():
        if name not in probes:
            known = ", ".join(sorted(probes))
            raise InputError(f"there is no probe {name!r}", where=f"{where}: probes", hint=f"known: {known}")
        place = f"{where}: probes.{name}"
        probes[name] = _answer_of(answer, place)
    if content.get("host") is not None:
        probes[HOST] = {"name": str(content["host"])}
    if content.get("boot_time") is not None:
        set_boot_time(probes, parse_time(content["boot_time"], f"{where}: boot_time"))
    reader = MemoryRegistry(name="snapshot", probes=probes)
    for path in _EVERY_WINDOWS:
        reader.key(path)
    keys = mapping(content.get("keys") or {}, f"{where}: keys")
    for path, entry in sorted(keys.items(), key=lambda item: item[0].count("\\")):
        _add_key(reader, path, entry, f"{where}: keys.{path}")
    windows = reader.key(SYSTEM_ROOT.path)
    if isinstance(windows.value("SystemRoot"), Absent):
        windows.put("SystemRoot", Value.from_text(_USUAL_ROOT))
    if "files" in content:
        written = mapping(content["files"] or {}, f"{where}: files")
        reader.files = {path.lower(): (path, _file(each, f"{where}: files.{path}")) for path, each in written.items()}
    return reader


def to_snapshot(reader: MemoryRegistry) -> dict[str, Any]:
    """Return the snapshot that `from_snapshot` makes this registry of: plain JSON types."""
    host, boot = reader.probes.get(HOST), reader.probes.get(BOOT_TIME)
    probes = {name: _answer(found) for name, found in reader.probes.items() if name not in (HOST, BOOT_TIME)}
    content: dict[str, Any] = {"snapshot": FORMAT}
    if isinstance(host, Mapping):
        content["host"] = host["name"]
    if isinstance(boot, Mapping):
        content["boot_time"] = iso(datetime.fromtimestamp(float(str(boot["time_epoch"])), timezone.utc))
    content["keys"] = dict(_keys(reader.root, ""))
    content["probes"] = {name: answer for name, answer in probes.items() if answer != "absent"}
    if reader.files is not None:
        content["files"] = {path: _written_file(found) for path, found in reader.files.values()}
    return content


def set_boot_time(probes: dict[str, Any], when: datetime) -> None:
    """Have a written machine say that it started at `when` (aware)."""
    probes[BOOT_TIME] = {"time_epoch": when.timestamp(), "source": _SOURCE}


def _answer_of(written: object, where: str) -> Mapping[str, object] | Absent | Unreadable:
    if isinstance(written, str):
        return ABSENT if written == "absent" else _error(written, where)
    return _refusal(written, where) or mapping(written, where)


def _all_probes() -> Iterator[str]:
    for source in all_sources():
        yield from source.probes


def _add_key(reader: MemoryRegistry, path: str, entry: object, where: str) -> None:
    below = next((path[len(root) :] for root in _ROOTS if path.upper().startswith(root)), path).strip("\\")
    fields = {"error": entry} if isinstance(entry, str) else mapping(entry or {}, where, _KEY_FIELDS)
    values: dict[str, Value | Unreadable] = {}
    for name, written in mapping(fields.get("values") or {}, where).items():
        place = f"{where}.{name}"
        values[name] = _refusal(written, place) or value_of(written, place)
    said = fields.get("volatile")
    volatile = _is_volatile(below) if said is None else flag(said, f"{where}.volatile")
    last_write = fields.get("last_write")
    when = None if last_write is None else datetime_to_filetime(parse_time(last_write, f"{where}.last_write"))
    key = reader.key(below, values, volatile=volatile, last_write=when)
    if said is False and key.volatile:
        raise InputError("must be volatile, because the key above it is", where=f"{where}.volatile")
    if "error" in fields:
        key.refuses = _error(fields["error"], where)


def _is_volatile(path: str) -> bool:
    """Tell whether Windows makes the key at `path` volatile, as far as the sources know it."""
    queries = (query for source in all_sources() for query in source.queries if query.volatile and not query.children)
    return path.lower() in {query.real_path.lower() for query in queries}


def value_of(written: object, where: str = "value") -> Value:
    """Return the registry value that plain data stands for.

    Raises:
        InputError: it stands for none.
    """
    content: Mapping[str, Any] = (
        written if isinstance(written, Mapping) else {"type": _usual_type(written), "data": written}
    )
    type_ = _TYPES.get(str(content.get("type")), content.get("type"))
    try:
        if not isinstance(type_, int) or set(content) not in ({"type", "data"}, {"type", "base64"}):
            raise TypeError
        if "base64" in content:
            return Value(type_, base64.b64decode(content["base64"], validate=True))
        return _MAKERS[type_](content["data"], type_)
    except (KeyError, TypeError, ValueError, OverflowError, AttributeError) as error:
        hint = "write a number, a text, a list of texts, or a type with data or base64"
        raise InputError(f"{written!r} is no registry value", where=where, hint=hint) from error


def _usual_type(written: object) -> int | None:
    if isinstance(written, bool):
        return None
    return {int: REG_DWORD, str: REG_SZ, list: REG_MULTI_SZ}.get(type(written))


def _strings(data: Any, _type: int) -> Value:
    if not isinstance(data, list) or not all(isinstance(each, str) for each in data):
        raise TypeError
    return Value.from_strings(data)


_MAKERS: Final[Mapping[int, Callable[[Any, int], Value]]] = {
    REG_DWORD: Value.from_integer,
    REG_QWORD: Value.from_integer,
    REG_SZ: Value.from_text,
    REG_EXPAND_SZ: Value.from_text,
    REG_MULTI_SZ: _strings,
}


def _refusal(written: object, where: str) -> Unreadable | None:
    """Return the refusal that stands in the place of a value or an answer, None when there is none."""
    if isinstance(written, Mapping) and set(written) == {"error"}:
        return _error(written["error"], where)
    return None


def _error(written: object, where: str) -> Unreadable:
    """Return the refusal that `denied`, `failed` or a mapping of its fields stands for."""
    if isinstance(written, str) and written in _REFUSALS:
        return _REFUSALS[written]
    kind = written.get("kind") if isinstance(written, Mapping) else None
    if not isinstance(written, Mapping) or kind not in ("denied", "failed", "unsupported"):
        raise InputError(
            f"{written!r} is no error", where=where, hint="write denied, failed, or kind, code and message"
        )
    code = written.get("code")
    return Unreadable(kind, code if isinstance(code, int) else None, str(written.get("message", kind)))


def _file(written: object, where: str) -> FileInfo | Unreadable:
    if isinstance(written, str):
        return _error(written, where)
    fields = mapping(written or {}, where, _FILE_FIELDS)
    if "error" in fields:
        return _error(fields["error"], where)
    version, digest = fields.get("version"), fields.get("sha256")
    return FileInfo(
        None if version is None else parse_version(version, f"{where}.version"),
        None if digest is None else str(digest).lower(),
    )


def _written_file(found: FileInfo | Unreadable) -> dict[str, object]:
    if isinstance(found, Unreadable):
        return {"error": found.to_dict()}
    fields = {"version": version_text(found.version), "sha256": found.sha256}
    return {name: value for name, value in fields.items() if value is not None}


def _keys(key: MemoryKey, path: str) -> Iterator[tuple[str, Any]]:
    for child in key.subkeys():
        below = f"{path}\\{child.name}" if path else child.name
        entry: dict[str, Any] = {name: _written(value) for name, value in child.values()}
        fields: dict[str, Any] = {"values": entry} if entry else {}
        if child.volatile or _is_volatile(below):
            fields["volatile"] = child.volatile
        if child.last_write is not None and (when := filetime_to_datetime(child.last_write)):
            fields["last_write"] = iso(when)
        if child.refuses:
            fields["error"] = child.refuses.to_dict()
        grandchildren = list(_keys(child, below))
        if fields or not grandchildren:
            yield below, fields
        yield from grandchildren


def _written(value: Value | Unreadable) -> object:
    if isinstance(value, Unreadable):
        return {"error": value.to_dict()}
    for plain in (value.integer, value.text, value.strings):
        try:
            found: object = plain()
        except WrongTypeError:
            continue
        if _usual_type(found) == value.type and value_of(found) == value:
            return found
    return {"type": TYPE_NAMES.get(value.type, value.type), "base64": base64.b64encode(value.data).decode("ascii")}


def _answer(found: Mapping[str, object] | Absent | Unreadable) -> object:
    if isinstance(found, Absent):
        return "absent"
    return {"error": found.to_dict()} if isinstance(found, Unreadable) else dict(found)
