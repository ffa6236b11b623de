# SPDX-License-Identifier: GPL-3.0-or-later
"""From what Ansible hands out to plain data: Ansible's texts and lists carry tags, the core wants the real thing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any


def words(values: Any) -> list[str]:
    """Return texts without the blanks that comma-separated text leaves around them."""
    return [text for each in values if (text := str(each).strip())]


def plain(value: Any) -> Any:
    """Return `value` as dictionaries, lists, texts, numbers, booleans, None, and dates."""
    if isinstance(value, Mapping):
        return {str(name): plain(content) for name, content in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(each) for each in value]
    if value is None or isinstance(value, (bool, date)):
        return value
    for kind in (int, float, bytes):
        if isinstance(value, kind):
            return kind(value)
    return str(value)
