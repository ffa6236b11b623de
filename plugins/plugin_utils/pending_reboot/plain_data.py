# SPDX-License-Identifier: Apache-2.0
"""Reading what people wrote in YAML or JSON: each wrong field is one clear line that names its place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from .errors import InputError


def mapping(data: object, where: str, known: Collection[str] | None = None) -> dict[str, Any]:
    """Return the mapping that `data` is.

    Args:
        data: what was read.
        where: its place, in errors.
        known: the fields that it may have; any when not given.

    Raises:
        InputError: it is none, or has a field that is not known.
    """
    if not isinstance(data, Mapping):
        raise InputError(f"must be a mapping, is {type(data).__name__}", where=where)
    for name in data:
        if known is not None and name not in known:
            raise InputError(f"unknown field {name!r}", where=where, hint=f"known: {', '.join(sorted(known))}")
    return {str(name): content for name, content in data.items()}


def flag(value: object, where: str) -> bool:
    """Return the boolean that `value` is.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, bool):
        return value
    raise InputError(f"{value!r} is neither true nor false", where=where)
