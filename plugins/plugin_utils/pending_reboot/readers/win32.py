# SPDX-License-Identifier: Apache-2.0
"""The few calls of the Windows API that `winreg` lacks: raw value bytes, volatile keys, the boot time; its errors.

Importing this module fails elsewhere than on Windows.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winreg/nf-winreg-regqueryvalueexw
    https://learn.microsoft.com/en-us/windows/win32/api/winreg/nf-winreg-regcreatekeyexw
    https://learn.microsoft.com/en-us/windows/win32/api/winternl/nf-winternl-ntquerysysteminformation
"""

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("only Windows has these calls")

import ctypes
from ctypes import wintypes
from typing import Final

from ..registry import ABSENT, Absent, Unreadable

HKEY_LOCAL_MACHINE: Final = 0x80000002

ERROR_FILE_NOT_FOUND: Final = 2
ERROR_PATH_NOT_FOUND: Final = 3
ERROR_ACCESS_DENIED: Final = 5
ERROR_MORE_DATA: Final = 234
ERROR_NO_MORE_ITEMS: Final = 259
ERROR_CHILD_MUST_BE_VOLATILE: Final = 1021

KEY_QUERY_VALUE: Final = 0x1
KEY_SET_VALUE: Final = 0x2
KEY_CREATE_SUB_KEY: Final = 0x4
KEY_ENUMERATE_SUB_KEYS: Final = 0x8
KEY_WOW64_64KEY: Final = 0x100
KEY_WOW64_32KEY: Final = 0x200

_REG_OPTION_VOLATILE: Final = 1
_SYSTEM_TIME_OF_DAY_INFORMATION: Final = 3
_KEY_FLAGS_INFORMATION: Final = 5
_REG_FLAG_VOLATILE: Final = 1

_advapi32 = ctypes.WinDLL("advapi32")
_ntdll = ctypes.WinDLL("ntdll")

_query_value = _advapi32.RegQueryValueExW
_query_value.argtypes = [
    wintypes.HKEY,
    wintypes.LPCWSTR,
    wintypes.LPDWORD,
    wintypes.LPDWORD,
    wintypes.LPVOID,
    wintypes.LPDWORD,
]
_query_value.restype = wintypes.LONG

_create_key = _advapi32.RegCreateKeyExW
_create_key.argtypes = [
    wintypes.HKEY,
    wintypes.LPCWSTR,
    wintypes.DWORD,
    wintypes.LPCWSTR,
    wintypes.DWORD,
    wintypes.DWORD,
    wintypes.LPVOID,
    ctypes.POINTER(wintypes.HKEY),
    wintypes.LPDWORD,
]
_create_key.restype = wintypes.LONG

_query_key = _ntdll.NtQueryKey
_query_key.argtypes = [wintypes.HKEY, ctypes.c_int, wintypes.LPVOID, wintypes.ULONG, wintypes.PULONG]
_query_key.restype = wintypes.LONG

_query_system = _ntdll.NtQuerySystemInformation
_query_system.argtypes = [ctypes.c_int, wintypes.LPVOID, wintypes.ULONG, wintypes.PULONG]
_query_system.restype = wintypes.LONG


def unreadable(error: OSError) -> Absent | Unreadable:
    """Return the answer that a failed call of the registry API is."""
    if error.winerror in (ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND):
        return ABSENT
    if error.winerror == ERROR_ACCESS_DENIED:
        return Unreadable("denied", error.winerror, "access is denied")
    return Unreadable("failed", error.winerror, error.strerror or str(error))


def query_value(key: int, name: str) -> tuple[int, bytes]:
    """Return type and raw bytes of a value of the open key handle `key`.

    `winreg` decodes values, and loses the size of a damaged number and the end of a list on the way.

    Raises:
        OSError: with `winerror`, when the value is absent or cannot be read.
    """
    kind, size = wintypes.DWORD(), wintypes.DWORD(1024)
    while True:
        room = size.value
        buffer = ctypes.create_string_buffer(room)
        code = _query_value(key, name, None, ctypes.byref(kind), buffer, ctypes.byref(size))
        if code == 0:
            return kind.value, buffer.raw[: size.value]
        if code != ERROR_MORE_DATA:
            raise ctypes.WinError(code)
        size.value = max(size.value, 2 * room)  # it may have grown since


def create_key(path: str, access: int, *, volatile: bool) -> tuple[int, bool]:
    """Create or open the key at `path` below HKEY_LOCAL_MACHINE; return its handle and whether it is new.

    `volatile` says whether a new key vanishes at the next boot. The caller closes the handle.

    Raises:
        OSError: with `winerror`.
    """
    handle, disposition = wintypes.HKEY(), wintypes.DWORD()
    option = _REG_OPTION_VOLATILE if volatile else 0
    code = _create_key(
        HKEY_LOCAL_MACHINE, path, 0, None, option, access, None, ctypes.byref(handle), ctypes.byref(disposition)
    )
    if code:
        raise ctypes.WinError(code)
    return handle.value or 0, disposition.value == 1


def volatile_flag(key: int) -> bool | None:
    """Return whether the open key is volatile, None when the system does not say."""
    flags, needed = (wintypes.ULONG * 3)(), wintypes.ULONG()
    if _query_key(key, _KEY_FLAGS_INFORMATION, flags, ctypes.sizeof(flags), ctypes.byref(needed)) != 0:
        return None
    return bool(flags[1] & _REG_FLAG_VOLATILE)


def boot_filetime() -> int:
    """Return when the system started, as FILETIME. A fast startup is no start: it resumes the kernel's session.

    Raises:
        OSError: the system does not say.
    """
    information = (ctypes.c_byte * 48)()
    size = ctypes.sizeof(information)
    status = _query_system(_SYSTEM_TIME_OF_DAY_INFORMATION, information, size, None)
    if status != 0:
        raise OSError(f"NtQuerySystemInformation failed with {status & 0xFFFFFFFF:#010x}")
    return int.from_bytes(bytes(information)[:8], "little")
