# SPDX-License-Identifier: Apache-2.0
"""Writing values into volatile keys, and into nothing else. Satisfies `flag.VolatileKeys`.

Importing this module fails elsewhere than on Windows.
"""

from __future__ import annotations

import sys

if sys.platform != "win32":
    raise ImportError("only Windows has a registry to write to")

import uuid
import winreg
from typing import Final

from .errors import PendingRebootError
from .flag import lasting
from .readers import win32
from .readers.local import LocalReader
from .registry import Absent, KeyQuery, Unreadable

_ACCESS: Final = win32.KEY_WOW64_64KEY | win32.KEY_QUERY_VALUE | win32.KEY_SET_VALUE | win32.KEY_CREATE_SUB_KEY


def flagged(path: str) -> list[str] | None:
    """Return the names of the values of a key below HKEY_LOCAL_MACHINE, None when it is absent.

    Raises:
        PendingRebootError: it cannot be read.
    """
    key = LocalReader(wua="none").read(KeyQuery(path, ("*",)))
    if isinstance(key, Unreadable):
        raise PendingRebootError(f"HKLM\\{path}: {key.message}")
    return None if isinstance(key, Absent) else list(key.values)


def write_flag(path: str, name: str) -> None:
    """Set the DWORD value `name` to 1 in the volatile key at `path`, which is created when it is absent.

    Raises:
        PendingRebootError: the key is there and not volatile; it is left as it is.
        OSError: Windows refuses.
    """
    handle, new = win32.create_key(path, _ACCESS, volatile=True)
    try:
        if not new and not _is_volatile(handle, path):
            raise lasting(path)
        winreg.SetValueEx(handle, name, 0, winreg.REG_DWORD, 1)
    finally:
        winreg.CloseKey(handle)


def _is_volatile(key: int, path: str) -> bool:
    """Tell whether an existing key is volatile.

    Where the system does not say, a volatile key gives itself away: it refuses a child that is not (1021).
    """
    said = win32.volatile_flag(key)
    if said is not None:
        return said
    child = f"{path}\\{uuid.uuid4()}"
    try:
        handle, _is_new = win32.create_key(child, _ACCESS, volatile=False)
    except OSError as error:
        if error.winerror == win32.ERROR_CHILD_MUST_BE_VOLATILE:
            return True
        raise
    winreg.CloseKey(handle)
    winreg.DeleteKeyEx(winreg.HKEY_LOCAL_MACHINE, child, win32.KEY_WOW64_64KEY, 0)
    return False
