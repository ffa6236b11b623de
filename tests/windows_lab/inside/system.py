# SPDX-License-Identifier: Apache-2.0
"""Files, delayed moves and the time of the boot, as Windows gives them."""

from __future__ import annotations

import base64
import ctypes
import shutil
from pathlib import Path

_REPLACE_EXISTING, _DELAY_UNTIL_REBOOT = 1, 4
_SYSTEM_TIME_OF_DAY_INFORMATION = 3


class _TimeOfDay(ctypes.Structure):
    """SYSTEM_TIMEOFDAY_INFORMATION."""

    _fields_ = (
        ("boot_time", ctypes.c_int64),
        ("current_time", ctypes.c_int64),
        ("time_zone_bias", ctypes.c_int64),
        ("time_zone_id", ctypes.c_uint32),
        ("reserved", ctypes.c_uint32),
        ("boot_time_bias", ctypes.c_uint64),
        ("sleep_time_bias", ctypes.c_uint64),
    )


def boot_time() -> int:
    """Return when this boot began, as FILETIME. Wine answers with the start of its server, which is the lab's boot."""
    found = _TimeOfDay()
    status = ctypes.WinDLL("ntdll").NtQuerySystemInformation(
        _SYSTEM_TIME_OF_DAY_INFORMATION, ctypes.byref(found), ctypes.sizeof(found), None
    )
    if status:
        raise OSError(f"NtQuerySystemInformation: status 0x{status & 0xFFFFFFFF:08x}")
    return int(found.boot_time)


def move_file_delayed(source: str, target: str | None, *, replace: bool) -> None:
    """Have the next boot move `source` to `target`, or delete it when there is no target."""
    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    flags = _DELAY_UNTIL_REBOOT | (_REPLACE_EXISTING if replace and target is not None else 0)
    if not kernel.MoveFileExW(ctypes.c_wchar_p(source), ctypes.c_wchar_p(target), flags):
        raise ctypes.WinError(ctypes.get_last_error())


def write_file(path: str, content: str) -> None:
    """Write a file anew (content in base64), with its missing folders.

    The old one is removed first: Windows' own files are shared between labs by hard links, and writing into one
    would change it for all of them.
    """
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    file.write_bytes(base64.b64decode(content))


def read_file(path: str) -> str | None:
    """Return a file's content in base64, None when it is absent."""
    try:
        return base64.b64encode(Path(path).read_bytes()).decode("ascii")
    except FileNotFoundError:
        return None


def remove(path: str) -> None:
    """Remove a file or a whole folder; that it is absent is no error."""
    if Path(path).is_dir():
        shutil.rmtree(path)
    else:
        Path(path).unlink(missing_ok=True)
