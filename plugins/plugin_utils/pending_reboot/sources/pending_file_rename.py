# SPDX-License-Identifier: Apache-2.0
"""Files that Session Manager replaces, renames or deletes at the next boot.

MoveFileEx with MOVEFILE_DELAY_UNTIL_REBOOT appends a pair of strings to `PendingFileRenameOperations`, and when that is
full to `PendingFileRenameOperations2`; Session Manager executes and clears both early in the next boot. This is the
trace that a patch leaves which was run by hand: the Windows Update Agent knows nothing of it, and its detection even
judges the file that *will* be there.

Most entries on most machines are clean-up after browsers and installers, so every operation is decoded and weighed
(`file_operation_rules`): *significant* when a file is put in place or is the leftover of one that was replaced while in
use, *advisory* when it is only clean-up. An emptied value is clear. An odd last string, or a value of the wrong type,
is kept as malformed. `since` is the last write of Session Manager's key, which holds other values too: an upper bound.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw
    https://github.com/jrsoftware/issrc/blob/main/Projects/Src/Setup.InstFunc.pas (the second value)
    https://github.com/chocolatey/choco/issues/1768 (what counting every entry leads to)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..file_operations import VALUES, damaged, decode, ignoring
from ..model import FileOperation, SourceResult
from ..registry import REG_MULTI_SZ, Absent, Key, KeyQuery, Unreadable, Value
from ..source import Findings, Observations, Source
from ..text import count, listed

SESSION_MANAGER = KeyQuery(r"SYSTEM\CurrentControlSet\Control\Session Manager", values=VALUES)
SYSTEM_ROOT = KeyQuery(r"SOFTWARE\Microsoft\Windows NT\CurrentVersion", values=("SystemRoot",))

#: In which order the significant operations are told.
_CATEGORIES = ("suspicious", "driver", "servicing", "system", "windows_installer", "printer", "application")


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* for a significant operation, *advisory* for clean-up, with every operation."""
    found = Findings(seen)
    key = found.open(SESSION_MANAGER)
    if key is None and isinstance(seen.keys.get(SESSION_MANAGER), Absent):
        error = Unreadable("failed", None, "the key is not there, which every Windows has")
        found.problem(error, SESSION_MANAGER.path)
    operations = _operations(found, key) if key else []
    found.evidence.update(_evidence(operations))
    significant = [each for each in operations if each.weight == "significant"]
    advisory = [each for each in operations if each.weight == "advisory"]
    if significant:
        found.pending(_told(significant), key=key, identity=_identity(significant))
    if advisory:
        rest = " besides" if significant else ", nothing waits for it"
        text = f"{count(len(advisory), 'clean-up operation')} at the next boot{rest}: {_paths(advisory)}"
        found.advisory(text, key=key, identity=[] if significant else _identity(advisory))
    ignored = len(operations) - len(significant) - len(advisory)
    clear = (
        f"only {count(ignored, 'ignored file operation')}" if ignored else "no file operation waits for the next boot"
    )
    return found.result(clear)._replace(operations=tuple(operations))


def _operations(found: Findings, key: Key) -> list[FileOperation]:
    ignores = ignoring(found.seen.ignore)
    root = _system_root(found.seen)
    operations: list[FileOperation] = []
    for name in VALUES:
        value = key.values.get(name)
        where = f"{SESSION_MANAGER.path}\\{name}"
        if isinstance(value, Unreadable):
            found.problem(value, where)
        elif value is not None:
            decoded = decode(name, value, system_root=root, ignores=ignores)
            operations += decoded
            damage = damaged(value.data, len(decoded))
            if damage:
                found.problem(Unreadable("failed", None, damage), where)
            if decoded and value.type != REG_MULTI_SZ:
                found.strings(key, name, SESSION_MANAGER.path)  # notes the wrong type
    return operations


def _system_root(seen: Observations) -> str:
    answer = seen.keys.get(SYSTEM_ROOT)
    value = answer.values.get("SystemRoot") if isinstance(answer, Key) else None
    return value.data.decode("utf-16-le", "replace").partition("\0")[0] if isinstance(value, Value) else ""


def _evidence(operations: Sequence[FileOperation]) -> dict[str, object]:
    def number(wanted: Iterable[bool]) -> int:
        return sum(wanted)

    return {
        "operations": len(operations),
        **{action: number(each.action == action for each in operations) for action in ("replace", "rename", "delete")},
        **{
            weight: number(each.weight == weight for each in operations)
            for weight in ("significant", "advisory", "ignored")
        },
        "malformed": number(each.malformed for each in operations),
        "suspicious": number(each.suspicious for each in operations),
    }


def _identity(operations: Iterable[FileOperation]) -> list[str]:
    return [f"{each.action}|{each.source}|{each.target or ''}" for each in operations]


def _told(operations: Sequence[FileOperation]) -> str:
    put = [each for each in operations if each.action != "delete"]
    leftovers = [each for each in operations if each.action == "delete"]
    parts = []
    if put:
        verb = "file is put in place" if len(put) == 1 else "files are put in place"
        parts.append(f"{len(put)} {verb} at the next boot: {_paths(put)}")
    if leftovers:
        noun = (
            "leftover of a replaced or removed file"
            if len(leftovers) == 1
            else "leftovers of replaced or removed files"
        )
        parts.append(f"{len(leftovers)} {noun}: {_paths(leftovers)}")
    suspicious = [each for each in put if each.suspicious]
    if suspicious:
        parts.insert(0, f"SUSPICIOUS: {suspicious[0].source} takes the place of {suspicious[0].target}")
    return "; ".join(parts)


def _paths(operations: Sequence[FileOperation]) -> str:
    ordered = sorted(
        operations, key=lambda each: _CATEGORIES.index(each.category) if each.category in _CATEGORIES else 99
    )
    return listed(list(dict.fromkeys(each.target or each.source for each in ordered)))


SOURCE = Source(
    "pending_file_rename",
    "Pending file operations",
    __name__,
    20,
    evaluate,
    (SESSION_MANAGER, SYSTEM_ROOT),
)
