# SPDX-License-Identifier: Apache-2.0
"""Answering a query from anything that is a tree of keys: a hive file, a .reg export, the in-memory registry."""

from __future__ import annotations

import re
from collections.abc import Iterable
from fnmatch import translate
from typing import Protocol

from .registry import ALL, Absent, Answer, Key, KeyQuery, Unreadable, Value


class Node(Protocol):
    """One key of a tree. Names are compared without regard to letter case, as Windows does."""

    @property
    def last_write(self) -> int | None:
        """Last write as FILETIME, None when the tree does not record it."""

    def value(self, name: str) -> Value | Absent | Unreadable:
        """Return one value; the empty name is the default value."""

    def values(self) -> Iterable[tuple[str, Value | Unreadable]]:
        """Return every value with its name."""

    def children(self) -> Iterable[tuple[str, Node | Unreadable]]:
        """Return every subkey with its name.

        Damage that hides which subkeys there are stands under a name with a backslash, which no key can have.
        """


def read_node(node: Node, query: KeyQuery) -> Answer:
    """Return `node` with what `query` asks for."""
    children: dict[str, Key | Unreadable] = {}
    listing: Unreadable | None = None
    if query.children is not None:
        pattern, values = query.children
        wanted = re.compile(translate(pattern), re.IGNORECASE).match
        for name, child in node.children():
            if isinstance(child, Unreadable) and "\\" in name:
                listing = child
            elif pattern == "*" or wanted(name):
                children[name] = child if isinstance(child, Unreadable) else _with_values(child, values)
    key = _with_values(node, query.values)
    return key._replace(children=children, listing=listing) if children or listing else key


def _with_values(node: Node, names: tuple[str, ...]) -> Key:
    if names == ALL:
        return Key(node.last_write, dict(node.values()))
    found: dict[str, Value | Unreadable] = {}
    for name in names:
        value = node.value(name)
        if not isinstance(value, Absent):
            found[name] = value
    return Key(node.last_write, found)
