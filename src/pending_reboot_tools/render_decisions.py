# SPDX-License-Identifier: Apache-2.0
"""Decisions of the gate as JSON, for people, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pending_reboot.escape import cell, markdown, printable

#: A decision as `Decision.to_dict()` makes it.
DecisionDict = Mapping[str, Any]

_HEAD: Final = ("Host", "Action", "Until", "Because")


def as_json(decisions: Sequence[DecisionDict]) -> str:
    """Return one object a line."""
    return "\n".join(json.dumps(decision) for decision in decisions)


def as_table(decisions: Sequence[DecisionDict]) -> str:
    """Return a heading per host, and its reasons below."""
    lines: list[str] = []
    for decision in decisions:
        until = f" until {decision['not_before']}" if decision["not_before"] else ""
        lines.append(f"{decision['host'] or 'unnamed host'}: {decision['action'].upper()}{until}")
        lines += [f"  {each['code']}: {each['message']}" for each in decision["because"]]
    return "\n".join(map(printable, lines))


def as_markdown(decisions: Sequence[DecisionDict]) -> str:
    """Return one table with a row per host."""
    rows = [_HEAD, ["---"] * len(_HEAD), *(_row(decision, markdown) for decision in decisions)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def as_csv(decisions: Sequence[DecisionDict]) -> str:
    """Return one row per host."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name.lower() for name in _HEAD)
    writer.writerows(_row(decision, cell) for decision in decisions)
    return out.getvalue().rstrip("\n")


def _row(decision: DecisionDict, safe: Callable[[str], str]) -> list[str]:
    because = "; ".join(f"{each['code']}: {each['message']}" for each in decision["because"])
    return [safe(str(decision["host"] or "")), decision["action"], decision["not_before"] or "", safe(because)]


RENDERERS: Final[Mapping[str, Callable[[Sequence[DecisionDict]], str]]] = {
    "json": as_json,
    "table": as_table,
    "markdown": as_markdown,
    "csv": as_csv,
}
