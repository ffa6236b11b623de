# SPDX-License-Identifier: Apache-2.0
"""Small pieces of text: of sentences that descriptions are made of, and lists as people write them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from .errors import InputError

T = TypeVar("T")


def encodable(content: T) -> T:
    r"""Return plain JSON types that UTF-8 can hold: half a surrogate pair, legal in a registry, becomes `\ud800`."""
    return _encodable(content)  # type: ignore[no-any-return]


def _encodable(content: Any) -> Any:
    if isinstance(content, str):
        return content if content.isascii() else content.encode("utf-8", "backslashreplace").decode()
    if isinstance(content, dict):
        return {_encodable(name): _encodable(each) for name, each in content.items()}
    return [_encodable(each) for each in content] if isinstance(content, (list, tuple)) else content


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 file`, `2 files`."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def listed(names: Sequence[str], most: int = 3, separator: str = ", ") -> str:
    """Return the names, the first few of many, as one phrase."""
    shown = separator.join(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def names(value: object, where: str) -> tuple[str, ...]:
    """Return the names in a list, in comma-separated text, or in nothing.

    Raises:
        InputError: it is none of these. `where` names the field.
    """
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(part.strip() for part in value.split(",") if part.strip())
    if isinstance(value, Sequence) and all(isinstance(each, str) for each in value):
        return tuple(value)
    raise InputError(f"{value!r} is no list of names", where=where)
