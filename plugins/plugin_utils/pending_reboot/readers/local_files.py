# SPDX-License-Identifier: Apache-2.0
"""Files of the Windows machine this runs on: versions by version.dll, digests, and long names.

Importing this module fails elsewhere than on Windows.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winver/nf-winver-getfileversioninfoexw
    https://learn.microsoft.com/en-us/windows/win32/api/verrsrc/ns-verrsrc-vs_fixedfileinfo
    https://learn.microsoft.com/en-us/windows/win32/winprog64/file-system-redirector (Sysnative)
"""

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("only Windows has these files")

import ctypes
import os
import stat
from ctypes import wintypes
from pathlib import Path
from typing import Final

from ..files import FileInfo, Version, sha256_of
from ..registry import Absent, Unreadable
from .win32 import unreadable

#: The numbers come from the file itself and not from its translation.
_NEUTRAL: Final = 0x2
_SIGNATURE: Final = 0xFEEF04BD
_ERROR_INVALID_DATA: Final = 13
#: No resource of that type, of that name, in that language, or no resources at all.
_NO_RESOURCE: Final = frozenset({1812, 1813, 1814, 1815})

_version = ctypes.WinDLL("version", use_last_error=True)
_size_of = _version.GetFileVersionInfoSizeExW
_size_of.argtypes = [wintypes.DWORD, wintypes.LPCWSTR, wintypes.LPDWORD]
_size_of.restype = wintypes.DWORD
_load = _version.GetFileVersionInfoExW
_load.argtypes = [wintypes.DWORD, wintypes.LPCWSTR, wintypes.DWORD, wintypes.DWORD, wintypes.LPVOID]
_load.restype = wintypes.BOOL
_query = _version.VerQueryValueW
_query.argtypes = [wintypes.LPVOID, wintypes.LPCWSTR, ctypes.POINTER(wintypes.LPVOID), wintypes.PUINT]
_query.restype = wintypes.BOOL

_kernel32 = ctypes.WinDLL("kernel32", use_last_error=True)
_long_path = _kernel32.GetLongPathNameW
_long_path.argtypes = [wintypes.LPCWSTR, wintypes.LPWSTR, wintypes.DWORD]
_long_path.restype = wintypes.DWORD


def look(path: str, *, digest: bool) -> FileInfo | Absent | Unreadable:
    """Answer what is at `path`: see `files.FileReader.file`."""
    path = _native(path)
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):
            return Unreadable("failed", None, f"{path} is no file")
        sha256 = None
        if digest:
            with Path(path).open("rb") as file:
                sha256 = sha256_of(file)
    except OSError as error:
        return unreadable(error)
    try:
        return FileInfo(_fixed_version(path), sha256)
    except OSError as error:
        found = unreadable(error)
        failed = found if isinstance(found, Unreadable) else Unreadable("failed", error.winerror, str(error))
        return FileInfo(None, sha256, None if digest else failed)


def long_path(path: str) -> str | None:
    """Return `path` with its short names spelled out; of a file that is not there, those of its folder."""
    for known, rest in ((path, ""), (path.rpartition("\\")[0], "\\" + path.rpartition("\\")[2])):
        room = 1024
        buffer = ctypes.create_unicode_buffer(room)
        length = _long_path(known, buffer, room)
        if 0 < length < room:
            return buffer.value + rest
    return None


def _fixed_version(path: str) -> Version | None:
    """Return the file's version, None when it has no version resource.

    Raises:
        OSError: it could not be read.
    """
    size = _size_of(_NEUTRAL, path, None)
    if not size:
        code = ctypes.get_last_error()
        if code in _NO_RESOURCE:
            return None
        raise ctypes.WinError(code)
    buffer = ctypes.create_string_buffer(size)
    if not _load(_NEUTRAL, path, 0, size, buffer):
        raise ctypes.WinError(ctypes.get_last_error())
    place, length = wintypes.LPVOID(), wintypes.UINT()
    if not _query(buffer, "\\", ctypes.byref(place), ctypes.byref(length)) or length.value < 16 or not place.value:
        return None
    signature, _structure, high, low = (wintypes.DWORD * 4).from_address(place.value)
    if signature != _SIGNATURE or not (high or low):  # a truncated file reads as zeros
        raise OSError(0, "its version resource is damaged", path, _ERROR_INVALID_DATA)
    return high >> 16, high & 0xFFFF, low >> 16, low & 0xFFFF


def _native(path: str) -> str:
    """Return the path that a 32-bit process must use to see what a 64-bit one sees."""
    root = os.environ.get("SYSTEMROOT", "")
    system = f"{root}\\System32\\"
    if root and os.environ.get("PROCESSOR_ARCHITEW6432") and path.lower().startswith(system.lower()):
        return f"{root}\\Sysnative\\{path[len(system) :]}"
    return path
