# SPDX-License-Identifier: Apache-2.0
r"""The flag that update.exe, the package installer, leaves after a patch was run by hand.

`SOFTWARE\Microsoft\Updates\UpdateExeVolatile` is a *key* with a DWORD `Flags`: 0 means no restart is pending, 1 and 2
that one is (KB832475). Any other number is reported as pending with its number. Packages may write either registry
view, and siblings named `UpdateExeVolatile_<FILETIME>` exist beside it. Several well-known tools read a *value* of
that name, which the installer does not write; it is read as well, since a hit costs nothing.

Despite its name the key can outlive a reboot (seen on Windows Server 2008 R2 SP1 with Flags 3): a flag that was last
written before the last boot is *advisory*.

References:
    KB832475 (the flag values); https://learn.microsoft.com/en-us/previous-versions/tn-archive/bb418921(v=technet.10)
    (the key and its value, written by update.exe 6.1.22.0 and later)
    https://github.com/chef/chef/pull/3909 (a flag that outlives reboots)
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import Children, Key, KeyQuery, Unreadable, filetime_to_datetime
from ..source import Findings, Observations, Source

NAME = "UpdateExeVolatile"
_UPDATES = r"SOFTWARE\Microsoft\Updates"
#: The key itself is opened: a list of keys that come and go can miss it.
FLAG = KeyQuery(rf"{_UPDATES}\{NAME}", ("Flags",), volatile=True)
FLAG_32 = KeyQuery(rf"{_UPDATES}\{NAME}", ("Flags",), view=32, volatile=True)
#: The value form, and the siblings that have a time in their names.
UPDATES = KeyQuery(_UPDATES, (NAME,), Children(f"{NAME}_*", ("Flags",)), volatile=True)
UPDATES_32 = KeyQuery(_UPDATES, (NAME,), Children(f"{NAME}_*", ("Flags",)), view=32, volatile=True)


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* for a flag that is not zero, *advisory* when it is older than the last boot."""
    found = Findings(seen)
    flags: dict[str, int] = {}
    for flag, beside in ((FLAG, UPDATES), (FLAG_32, UPDATES_32)):
        key = found.open(flag)
        if key:
            _flag(found, flag.real_path, key, flags)
        updates = found.open(beside)
        if updates:
            _value_form(found, beside, updates, flags)
            _siblings(found, beside, updates, flags)
    found.evidence["flags"] = flags
    return found.result("update.exe left no flag")


def _flag(found: Findings, where: str, key: Key, flags: dict[str, int]) -> None:
    number = found.integer(key, "Flags", where)
    if number is not None:
        flags[where] = number
        _judge(found, f"{where}\\Flags", number, key)


def _siblings(found: Findings, query: KeyQuery, updates: Key, flags: dict[str, int]) -> None:
    for name, child in updates.children.items():
        where = f"{query.real_path}\\{name}"
        if isinstance(child, Unreadable):
            found.problem(child, where)
        else:
            _flag(found, where, child, flags)


def _value_form(found: Findings, query: KeyQuery, updates: Key, flags: dict[str, int]) -> None:
    where = f"{query.real_path}\\{NAME}"
    number = found.integer(updates, NAME, query.real_path)
    if number is not None:
        flags[f"{where} (value)"] = number
        _judge(found, where, number, updates)


def _judge(found: Findings, where: str, number: int, key: Key) -> None:
    if not number:
        return
    written = filetime_to_datetime(key.last_write) if key.last_write else None
    boot = found.seen.last_boot
    identity = [f"{where}={number}"]
    if written and boot and written < boot:
        found.advisory(f"HKLM\\{where} is {number}, but was written before the last boot", key=key, identity=identity)
    else:
        found.pending(f"a package installer waits for a reboot: HKLM\\{where} is {number}", key=key, identity=identity)


SOURCE = Source(
    "update_exe_volatile", "update.exe's volatile flag", __name__, 30, evaluate, (UPDATES, UPDATES_32, FLAG, FLAG_32)
)
