# SPDX-License-Identifier: Apache-2.0
r"""Descriptions of patches, read from plain data with clear errors.

    - kb: KB902400
      title: Vulnerabilities in MSDTC and COM+ (MS05-051)
      update_id: 9306cdfc-c4a1-4a22-9996-848cc67eddc3
      applies_to: {min_build: 2600, max_build: 3790, architecture: [x86], key: SOFTWARE\Microsoft\COM3}
      files:
        - {path: '%SystemRoot%\system32\clbcatq.dll', version: 2001.12.4720.10}
      registry:
        - {key: SOFTWARE\Microsoft\Updates\Windows XP\SP3\KB902400, value: Installed, equals: 1}
      package: Package_for_KB902400~*
      exit_code: 3010
      installed_at: 2026-11-20T03:20:00Z

Everything is optional, but a patch needs a name and something to look at. A file has the `version` that it must reach,
or the `sha256` that it must have. An `exit_code` that asks for a reboot counts until a boot after `installed_at`; it
is not known without that time whether there was one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple

from .errors import InputError
from .exit_codes import exit_code
from .files import Version, parse_version, version_text
from .plain_data import mapping
from .policy import parse_time
from .text import names

_FIELDS: Final = ("kb", "title", "update_id", "applies_to", "files", "registry", "package", "exit_code", "installed_at")
_ROOTS: Final = ("HKLM\\", "HKEY_LOCAL_MACHINE\\", "HKLM:\\")
_KB: Final = re.compile(r"(?:KB)?(\d{5,8})", re.IGNORECASE | re.ASCII)
_SHA256: Final = re.compile(r"[0-9a-f]{64}", re.IGNORECASE | re.ASCII)
_GUID: Final = re.compile(r"\{?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\}?", re.IGNORECASE | re.ASCII)
#: How Windows' kernel and long paths begin, before the drive.
_PREFIX: Final = re.compile(r"\\[\\?]\?\\(?=[a-z]:)", re.IGNORECASE | re.ASCII)
_PATH: Final = re.compile(r'(?:[a-z]:|%[^%\\]+%|\\SystemRoot)(?:\\+[^\\:*?"<>|%]+)+', re.IGNORECASE | re.ASCII)
#: As PROCESSOR_ARCHITECTURE names them.
_ARCHITECTURES: Final[Mapping[str, str]] = {
    "x86": "x86",
    "amd64": "amd64",
    "x64": "amd64",
    "arm64": "arm64",
    "ia64": "ia64",
}


class FileRule(NamedTuple):
    """A file, and what it must be: of a version at least, or the very file."""

    path: str
    version: Version | None = None
    sha256: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {"path": self.path, "version": version_text(self.version), "sha256": self.sha256}


class Mark(NamedTuple):
    """A trace in the registry that the installation leaves: a key, a value, or a value's content."""

    key: str
    value: str | None = None
    equals: str | int | None = None


class AppliesTo(NamedTuple):
    """Which machines a patch is for."""

    min_build: int | None = None
    max_build: int | None = None
    architecture: tuple[str, ...] = ()
    #: A key that only machines with the patched product have.
    key: str | None = None


class Patch(NamedTuple):
    """What an admin says of a patch."""

    #: `KB902400`.
    kb: str | None = None
    title: str | None = None
    #: In lower case, without braces.
    update_id: str | None = None
    applies_to: AppliesTo = AppliesTo()
    files: tuple[FileRule, ...] = ()
    registry: tuple[Mark, ...] = ()
    #: Pattern (`*`, `?`) of names of packages of Component Based Servicing.
    package: str | None = None
    #: What the installer exited with.
    exit_code: int | None = None
    #: When that was.
    installed_at: datetime | None = None

    @property
    def name(self) -> str:
        """What to call it."""
        return self.kb or self.title or self.update_id or "?"

    @property
    def flag(self) -> str:
        """What to list it as where it is flagged that it waits for a reboot."""
        return self.update_id or self.name


def patches_from(data: object, *, where: str = "patches") -> tuple[Patch, ...]:
    """Return the patches that plain data describes: a list of them, one, or a mapping with the list `patches`.

    Raises:
        InputError: a description that cannot be used. `where` names the data, such as its file.
    """
    if isinstance(data, Mapping) and set(data) == {"patches"}:
        data = data["patches"]
    entries = data if isinstance(data, (list, tuple)) else [data]
    if not entries:
        raise InputError("describes no patch", where=where)
    single = len(entries) == 1
    return tuple(_patch(entry, where if single else f"{where}[{index}]") for index, entry in enumerate(entries))


def _patch(data: object, where: str) -> Patch:
    content = mapping(data, where, _FIELDS)
    found = {name: _READERS[name](value, f"{where}.{name}") for name, value in content.items() if value is not None}
    patch = Patch(**found)
    if not (patch.kb or patch.title or patch.update_id):
        raise InputError("has no name", where=where, hint="give kb, title or update_id")
    if not (patch.files or patch.registry or patch.package or patch.update_id):
        hint = "give files, registry, package or update_id"
        raise InputError("names nothing to look at", where=f"{where} ({patch.name})", hint=hint)
    return patch


def _text(value: object, where: str) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise InputError(f"{value!r} is no text", where=where)
    return value.strip()


def _kb(value: object, where: str) -> str:
    match = _KB.fullmatch(str(value).strip())
    if not match:
        raise InputError(f"{value!r} is no KB number", where=where, hint="write KB902400")
    return f"KB{match[1].lstrip('0')}"


def _update_id(value: object, where: str) -> str:
    if not _GUID.fullmatch(str(value).strip()):
        raise InputError(f"{value!r} is no update id", where=where, hint="give the update's GUID")
    return str(value).strip().strip("{}").lower()


def _entries(value: object, where: str) -> list[tuple[object, str]]:
    entries = value if isinstance(value, (list, tuple)) else [value]
    return [(entry, f"{where}[{index}]") for index, entry in enumerate(entries)]


def _files(value: object, where: str) -> tuple[FileRule, ...]:
    return tuple(_file(*entry) for entry in _entries(value, where))


def _file(data: object, where: str) -> FileRule:
    content = mapping(data, where, FileRule._fields)
    path = _PREFIX.sub("", _text(content.get("path"), f"{where}.path").replace("/", "\\"))
    if path.startswith("\\\\"):
        hint = r"write C:\... or %SystemRoot%\..., as the machine itself has it"
        raise InputError(f"{path!r} is on a share", where=f"{where}.path", hint=hint)
    if not _PATH.fullmatch(path):
        hint = r"write C:\... or %SystemRoot%\..., without patterns"
        raise InputError(f"{path!r} is no full path of a file", where=f"{where}.path", hint=hint)
    version, digest = content.get("version"), content.get("sha256")
    if (version is None) == (digest is None):
        raise InputError("needs a version or a sha256, and not both", where=f"{where} ({path})")
    if digest is None:
        return FileRule(path, parse_version(version, f"{where}.version"))
    if not _SHA256.fullmatch(str(digest)):
        raise InputError(f"{digest!r} is no SHA-256", where=f"{where}.sha256", hint="write its 64 hexadecimal digits")
    return FileRule(path, None, str(digest).lower())


def _marks(value: object, where: str) -> tuple[Mark, ...]:
    return tuple(_mark(*entry) for entry in _entries(value, where))


def _mark(data: object, where: str) -> Mark:
    content = mapping({"key": data} if isinstance(data, str) else data, where, Mark._fields)
    value, equals = content.get("value"), content.get("equals")
    if equals is not None and (value is None or isinstance(equals, bool) or not isinstance(equals, (str, int))):
        raise InputError("must be a number or a text, for a value", where=f"{where}.equals")
    name = None if value is None else _text(value, f"{where}.value")
    return Mark(_key(content.get("key"), f"{where}.key"), name, equals)


def _key(value: object, where: str) -> str:
    path = _text(value, where)
    head = next((root for root in _ROOTS if path.upper().startswith(root)), "")
    below = path[len(head) :].strip("\\")
    if below.partition("\\")[0].upper() not in ("SOFTWARE", "SYSTEM") or "\\" not in below:
        hint = r"write SOFTWARE\... or SYSTEM\..., below HKEY_LOCAL_MACHINE"
        raise InputError(f"{value!r} is no key that is looked at", where=where, hint=hint)
    return below


def _applies_to(value: object, where: str) -> AppliesTo:
    content = mapping(value, where, AppliesTo._fields)
    architectures = names(content.get("architecture"), f"{where}.architecture")
    for each in architectures:
        if each.lower() not in _ARCHITECTURES:
            known = ", ".join(_ARCHITECTURES)
            raise InputError(f"{each!r} is no architecture", where=f"{where}.architecture", hint=f"known: {known}")
    least, most = (_number(content.get(name), f"{where}.{name}") for name in ("min_build", "max_build"))
    if least is not None and most is not None and least > most:
        raise InputError(f"min_build {least} is above max_build {most}", where=where)
    key = content.get("key")
    known_names = tuple(_ARCHITECTURES[each.lower()] for each in architectures)
    return AppliesTo(least, most, known_names, None if key is None else _key(key, f"{where}.key"))


def _number(value: object, where: str) -> int | None:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise InputError(f"{value!r} is no build number", where=where)


def _exit_code(value: object, where: str) -> int:
    try:
        code = int(value, 0) if isinstance(value, str) else value
        if isinstance(code, bool) or not isinstance(code, int):
            raise ValueError
        exit_code(code)
    except ValueError as error:
        raise InputError(f"{value!r} is no exit code", where=where) from error
    return code


_READERS: Final[Mapping[str, Callable[[Any, str], Any]]] = {
    "kb": _kb,
    "title": _text,
    "update_id": _update_id,
    "applies_to": _applies_to,
    "files": _files,
    "registry": _marks,
    "package": _text,
    "exit_code": _exit_code,
    "installed_at": parse_time,
}
