# SPDX-License-Identifier: Apache-2.0
"""Text from a registry is data: made harmless for a terminal, a Markdown table and a spreadsheet."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_MARKDOWN = re.compile(r"([\\`*_{}\[\]<>|~#&!])")


def printable(text: str) -> str:
    """Return `text` on one line, with every character escaped that steers a terminal or hides text."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(ord(char)) for char in text)


def _escaped(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def markdown(text: str) -> str:
    """Return `text` for a cell of a Markdown table: no markup, no HTML, no new cell."""
    return _MARKDOWN.sub(r"\\\1", printable(text)).replace("\\<", "&lt;").replace("\\>", "&gt;").replace("\\&", "&amp;")


def cell(text: str) -> str:
    """Return `text` for a CSV cell: a spreadsheet must not take it for a formula."""
    safe = printable(text)
    return f"'{safe}" if safe[:1] in ("=", "+", "-", "@") else safe


def markdown_table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table; the cells must be escaped."""
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
