# SPDX-License-Identifier: Apache-2.0
r"""PendingFileRenameOperations, decoded: which file goes where at the next boot, and what that means.

The value is a REG_MULTI_SZ of pairs, source and target; an empty target is a delete, a leading `!` on the target allows
replacing. Paths are NT paths (`\??\`); Windows 10 and later may write `*1` or `*2` in front. Session Manager pairs by
twos and executes in order, so nothing may be dropped before pairing.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/winbase/nf-winbase-movefileexw
    https://github.com/jrsoftware/issrc/blob/main/Projects/Src/Setup.InstFunc.pas (`*1`, `*2`, and the overflow into
    PendingFileRenameOperations2)
    https://github.com/reactos/reactos/blob/master/base/system/smss/sminit.c (`!` and `@`)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import translate
from typing import Final

from .file_operation_rules import SUSPICIOUS, Rule, is_suspicious, is_temporary, plain, weigh
from .model import Action, FileOperation
from .multi_sz import decode_strings, encode_strings
from .registry import REG_MULTI_SZ, Value

#: The values of Session Manager that hold pairs, in the order Windows reads them.
VALUES: Final = ("PendingFileRenameOperations", "PendingFileRenameOperations2")

#: A value that Windows emptied has no more bytes than this: nothing, one NUL or two.
EMPTIED: Final = 4
#: More operations than this are not looked at; real lists have hundreds.
MOST: Final = 50_000

# Markers and NT prefixes in any order; a UNC prefix ends them.
_NT: Final = r"(?:\\(?:\?\?|\\[?.]|DosDevices|GLOBAL\?\?)\\|\\?GLOBALROOT(?=\\))"
_LEAD: Final = re.compile(rf"(?:\*\d+|[!@]|{_NT}(?!UNC\\))*({_NT}UNC\\)?", re.IGNORECASE)

#: For the entries of a value that is no REG_MULTI_SZ.
NOT_EXECUTED: Final = Rule("advisory", "malformed", "", "Windows does not execute a value of this type", "")

Ignores = Callable[[str], "str | None"]


def pairs(data: bytes) -> list[tuple[str, ...]]:
    r"""Return the raw pairs in the bytes of the value, in order; an odd last string alone.

    Only the list's own terminator and trailing empty pairs are stripped. A value emptied to nothing, one or two NULs
    has no pairs. `src\0` and `src\0\0` are an odd last string: most APIs cannot tell them apart. Of a longer list the
    first `MOST` pairs are returned.
    """
    strings = decode_strings(data, 2 * MOST)
    if len(strings) % 2 and not strings[-1]:
        strings.pop()
    while strings and not any(strings[-2:]):
        del strings[-2:]
    return [tuple(strings[index : index + 2]) for index in range(0, len(strings), 2)]


def damaged(data: bytes, operations: int) -> str:
    """Return what is wrong with the value as a whole, an empty string for nothing.

    Args:
        data: the bytes of the value.
        operations: how many operations `decode` gave.
    """
    if not operations and len(data) > EMPTIED:
        return f"holds {len(data)} bytes and no operation"
    if operations == MOST:
        return f"holds more than {MOST} operations, the rest is not shown"
    return ""


def encode_pairs(raw: Iterable[Sequence[str]]) -> bytes:
    """Return the bytes MoveFileEx stores for raw pairs."""
    return encode_strings([string for pair in raw for string in pair])


def clean(path: str) -> tuple[str, bool]:
    """Return `path` without its markers and NT prefix, and whether it was marked to replace (`!` or `@`)."""
    replace = False
    while (match := _LEAD.match(path)) and (lead := match.group()):
        replace = replace or "!" in lead or "@" in lead
        path = ("\\\\" if match.group(1) else "") + path[match.end() :]
    return path, replace


def decode(
    value_name: str, value: Value, *, system_root: str = "", ignores: Ignores | None = None
) -> list[FileOperation]:
    """Return the operations of one value, weighed.

    Args:
        value_name: the name of the registry value.
        value: its type and bytes. The bytes of a value that is no REG_MULTI_SZ are decoded all the same, but every
            operation of it is malformed: Windows does not execute it.
        system_root: SystemRoot of the machine, when it is known.
        ignores: what `ignoring` returned.
    """
    wrong_type = value.type != REG_MULTI_SZ
    root = system_root.lower().rstrip("\\")
    return [
        _operation(value_name, index, raw, root, wrong_type, ignores) for index, raw in enumerate(pairs(value.data))
    ]


def _operation(
    value_name: str, index: int, raw: tuple[str, ...], root: str, wrong_type: bool, ignores: Ignores | None
) -> FileOperation:
    source = clean(raw[0])[0]
    target, replace = clean(raw[1]) if len(raw) == 2 else ("", False)
    action: Action = "delete" if not target else "replace" if replace else "rename"
    rule = NOT_EXECUTED if wrong_type else _rule(source, target, root)
    ignored_by = ignores(target or source) if ignores else None
    return FileOperation(
        action=action,
        source=source,
        target=target or None,
        replace_existing=replace,
        value=value_name,
        index=index,
        raw=raw,
        malformed=wrong_type or len(raw) < 2 or not source or (not target and bool(raw[1])),
        weight="ignored" if ignored_by else rule.weight,
        category=rule.category,
        reason=rule.reason,
        suspicious=rule is SUSPICIOUS,
        ignored_by=ignored_by,
    )


def _rule(source: str, target: str, root: str) -> Rule:
    source = plain(source, root)
    if not source:
        return weigh("remove", source)  # nothing can be moved from nowhere
    target = plain(target, root)
    if not target or is_temporary(target):
        return weigh("remove", source)  # moved aside into a temporary folder is on its way out
    return SUSPICIOUS if is_suspicious(source, target) else weigh("put", target)


def ignoring(patterns: Sequence[str]) -> Ignores | None:
    r"""Return a function that tells which of the user's patterns a path matches; None for no patterns.

    A pattern may use `*` and `?`; letter case and the direction of slashes do not matter. It is held against the path
    that the operation changes: the target where a file is put in place, else the source. So `*\Temp\*` ignores
    clean-up in temporary folders, and not a driver that was staged in one.
    """
    if not patterns:
        return None
    compiled = [(pattern, re.compile(translate(pattern.replace("/", "\\")), re.IGNORECASE)) for pattern in patterns]

    def ignores(path: str) -> str | None:
        return next((pattern for pattern, fits in compiled if fits.match(path)), None)

    return ignores
