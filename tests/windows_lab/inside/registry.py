# SPDX-License-Identifier: Apache-2.0
"""Plants and reads registry keys below HKEY_LOCAL_MACHINE, byte by byte.

`winreg` cannot make volatile keys, and it encodes what it writes; here every byte of a value is the caller's.
"""

from __future__ import annotations

import ctypes
import winreg
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

_NONVOLATILE, _VOLATILE = 0, 1
_CREATED = 1
_CHILD_MUST_BE_VOLATILE = 1021
_VIEWS = {32: winreg.KEY_WOW64_32KEY, 64: winreg.KEY_WOW64_64KEY}

_advapi = ctypes.WinDLL("advapi32")
_HANDLE = ctypes.c_void_p


def create_key(path: str, values: Mapping[str, Sequence[object]], *, volatile: bool, view: int) -> bool:
    """Create the key and write `values`: name -> (type, bytes in hex). False: the key was there and got them.

    Missing parents are made too: lasting ones where Windows allows it, because it is the last key that is volatile
    on a real machine (`RebootRequired` in a lasting `Auto Update`).
    """
    parts = path.split("\\")
    for length in range(1, len(parts)):
        parent = "\\".join(parts[:length])
        try:
            _create(parent, _NONVOLATILE, view)
        except OSError as error:
            if error.winerror != _CHILD_MUST_BE_VOLATILE:
                raise
            _create(parent, _VOLATILE, view)
    created = _create(path, _VOLATILE if volatile else _NONVOLATILE, view)
    for name, (kind, data) in values.items():
        _set_value(path, name, int(str(kind)), bytes.fromhex(str(data)), view)
    return created


def _create(path: str, options: int, view: int) -> bool:
    handle, disposition = _HANDLE(), ctypes.c_ulong()
    _check(
        _advapi.RegCreateKeyExW(
            _HANDLE(winreg.HKEY_LOCAL_MACHINE),
            ctypes.c_wchar_p(path),
            0,
            None,
            options,
            winreg.KEY_READ | _VIEWS[view],
            None,
            ctypes.byref(handle),
            ctypes.byref(disposition),
        )
    )
    _advapi.RegCloseKey(handle)
    return disposition.value == _CREATED


def _set_value(path: str, name: str, kind: int, data: bytes, view: int) -> None:
    # A NUL that follows an unterminated string in memory would be counted in, as Windows does: let none follow.
    guarded = data + b"\xff\xff"
    with _open(path, view, winreg.KEY_SET_VALUE) as key:
        _check(_advapi.RegSetValueExW(_HANDLE(key), ctypes.c_wchar_p(name), 0, kind, guarded, len(data)))


def read_key(path: str, *, view: int) -> dict[str, object] | None:
    """Return values (name -> type, bytes in hex), names of subkeys and last write; None when the key is absent."""
    try:
        with _open(path, view, winreg.KEY_READ) as key:
            children, values, last_write = winreg.QueryInfoKey(key)
            names = [winreg.EnumValue(key, index)[0] for index in range(values)]
            return {
                "values": {name: _raw_value(int(key), name) for name in names},
                "children": [winreg.EnumKey(key, index) for index in range(children)],
                "last_write": last_write,
            }
    except FileNotFoundError:
        return None


def _raw_value(key: int, name: str) -> tuple[int, str]:
    kind, size = ctypes.c_ulong(), ctypes.c_ulong()
    wanted = (_HANDLE(key), ctypes.c_wchar_p(name), None, ctypes.byref(kind))
    _check(_advapi.RegQueryValueExW(*wanted, None, ctypes.byref(size)))
    buffer = ctypes.create_string_buffer(max(size.value, 1))
    _check(_advapi.RegQueryValueExW(*wanted, buffer, ctypes.byref(size)))
    return kind.value, buffer.raw[: size.value].hex()


def delete_key(path: str, *, view: int) -> bool:
    """Delete the key and everything below; False when it was absent."""
    try:
        with _open(path, view, winreg.KEY_READ) as key:
            children = [winreg.EnumKey(key, index) for index in range(winreg.QueryInfoKey(key)[0])]
    except FileNotFoundError:
        return False
    for child in children:
        delete_key(f"{path}\\{child}", view=view)
    winreg.DeleteKeyEx(winreg.HKEY_LOCAL_MACHINE, path, _VIEWS[view], 0)
    return True


def delete_value(path: str, name: str, *, view: int) -> bool:
    """Delete one value; False when it, or its key, was absent."""
    try:
        with _open(path, view, winreg.KEY_SET_VALUE) as key:
            winreg.DeleteValue(key, name)
    except FileNotFoundError:
        return False
    return True


def protect_key(path: str, sddl: str, *, view: int) -> None:
    """Give the key the access rights `sddl` (a DACL as text)."""
    descriptor = _HANDLE()
    if not _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(
        ctypes.c_wchar_p(sddl), 1, ctypes.byref(descriptor), None
    ):
        raise ctypes.WinError()
    dacl_information, write_dac = 4, 0x00040000
    try:
        with _open(path, view, write_dac) as key:
            _check(_advapi.RegSetKeySecurity(_HANDLE(key), dacl_information, descriptor))
    finally:
        ctypes.WinDLL("kernel32").LocalFree(descriptor)


@contextmanager
def _open(path: str, view: int, access: int) -> Iterator[int]:
    with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, path, 0, access | _VIEWS[view]) as key:
        yield int(key)


def _check(code: int) -> None:
    if code:
        raise ctypes.WinError(code)
