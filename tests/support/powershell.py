# SPDX-License-Identifier: Apache-2.0
"""Reading PowerShell without running it: what does not parse, and the options that a module declares."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tree_sitter_powershell
from tree_sitter import Language, Node, Parser

_PARSER = Parser(Language(tree_sitter_powershell.language()))


def parse(source: str) -> Node:
    """Return the tree of a script."""
    return _PARSER.parse(source.encode()).root_node


def errors(node: Node) -> Iterator[str]:
    """Yield where a script cannot be parsed."""
    if node.type == "ERROR" or node.is_missing:
        yield f"line {node.start_point.row + 1}: {_text(node)[:80]!r}"
    for child in node.children:
        yield from errors(child)


def module_spec(source: str) -> Any:
    """Return the `$spec` of a module as plain data: numbers, texts, booleans, None, lists and dictionaries."""
    for node in _all(parse(source), "assignment_expression"):
        target, value = node.named_children[0], node.named_children[-1]
        if _text(target) == "$spec":
            return _data(value)
    raise AssertionError("the script has no $spec")


def _data(node: Node) -> Any:
    if node.type == "hash_literal_expression":
        entries = [entry for body in node.named_children for entry in body.named_children if entry.type == "hash_entry"]
        return {_text(entry.named_children[0]): _data(entry.named_children[-1]) for entry in entries}
    if node.type == "array_expression":
        return [_data(child) for child in node.named_children]
    if node.type == "array_literal_expression" and len(node.named_children) > 1:
        return [_data(child) for child in node.named_children]
    if len(node.named_children) == 1 and node.type not in ("variable", "verbatim_string_characters"):
        return _data(node.named_children[0])
    text = _text(node)
    if text.startswith("'"):
        return text.strip("'")
    known = {"$true": True, "$false": False, "$null": None, "@()": []}
    return known[text.lower()] if text.lower() in known else int(text)


def _all(node: Node, kind: str) -> Iterator[Node]:
    if node.type == kind:
        yield node
    for child in node.children:
        yield from _all(child, kind)


def _text(node: Node) -> str:
    return (node.text or b"").decode()
