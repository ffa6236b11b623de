# SPDX-License-Identifier: Apache-2.0
"""Facts as JSON, as a table for people, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TextIO

from pending_reboot.escape import cell, markdown, markdown_table, printable

#: A facts object as `Facts.to_dict()` makes it.
FactsDict = Mapping[str, Any]

_COLOURS: Final = {"pending": "31;1", "unknown": "33;1", "advisory": "36", "clear": "32", "not_applicable": "2"}
_VERDICTS: Final = {
    "pending": "a reboot is required",
    "unknown": "not known, some sources could not be read",
    "advisory": "no reboot is required, something will happen at the next boot",
    "clear": "no reboot is required",
}
#: How many file operations a table shows before it says how many are left out.
SHOWN: Final = 12

Paint = Callable[[str, str], str]


def wants_colour(stream: TextIO) -> bool:
    """Tell whether `stream` is a terminal that may be sent colours (https://no-color.org)."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def as_json(facts: FactsDict) -> str:
    """Return the facts on one line; every character outside of ASCII is escaped."""
    return json.dumps(facts)


def as_csv(facts: Sequence[FactsDict]) -> str:
    """Return one row per host and source."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["host", "state", "reboot_required", "complete", "source", "source_state", "since", "description"])
    for each in facts:
        head = [cell(str(each["host"] or "")), each["state"], each["reboot_required"], each["complete"]]
        for id_, result in each["sources"].items():
            writer.writerow([*head, id_, result["state"], result["since"] or "", cell(str(result["description"]))])
    return out.getvalue().rstrip("\n")


def as_markdown(facts: FactsDict) -> str:
    """Return a heading, the sources and the file operations of one host as Markdown tables."""
    title = f"## {markdown(str(facts['host'] or 'unnamed host'))}: {facts['state']}"
    lines = [title, "", f"{_VERDICTS[facts['state']].capitalize()}.", ""]
    lines += [f"- Warning: {markdown(text)}" for text in facts["collected"]["warnings"]]
    if facts["collected"]["warnings"]:
        lines.append("")
    lines += markdown_table(("Source", "State", "Since", "Description"), _source_rows(facts, markdown))
    if facts["file_operations"]:
        lines += ["", f"### {_operations_title(facts)}", ""]
        lines += markdown_table(("Weight", "Action", "Category", "Path"), _operation_rows(facts, markdown))
    return "\n".join(lines)


def as_table(facts: FactsDict, *, colour: bool = False, everything: bool = False) -> str:
    """Return what a person reads first: the verdict, why, how sure, then the details."""
    paint = _paint(colour)
    state = facts["state"]
    host = printable(str(facts["host"] or "unnamed host"))
    lines = [f"{host}: {paint(state.upper(), _COLOURS[state])} - {_VERDICTS[state]}", ""]
    rows = _source_rows(facts, printable)
    lines += columns(("SOURCE", "STATE", "SINCE", "WHY"), rows, state_colour, colour=colour)
    if facts["file_operations"]:
        operations = _operation_rows(facts, printable)
        shown = operations if everything else operations[:SHOWN]
        lines += ["", _operations_title(facts)]
        lines += columns(("WEIGHT", "ACTION", "CATEGORY", "PATH"), shown)
        if len(shown) < len(operations):
            lines.append(f"... and {len(operations) - len(shown)} more (--all shows them)")
    if facts["updates"]:
        lines += ["", "Updates that wait for the reboot:"]
        lines += [f"  {_update(each)}" for each in facts["updates"]]
    lines += ["", _collected(facts)]
    return "\n".join(lines)


def _update(update: Mapping[str, Any]) -> str:
    return printable(" ".join([update["update_id"], *update["kb"], update["title"] or ""]).rstrip())


def _collected(facts: FactsDict) -> str:
    boot = f", last boot {facts['last_reboot']['time']}" if facts["last_reboot"] else ""
    collected = facts["collected"]
    return f"read {collected['at']} by {collected['reader']}{boot}"


def _operations_title(facts: FactsDict) -> str:
    weights = [operation["weight"] for operation in facts["file_operations"]]
    parts = [f"{weights.count(weight)} {weight}" for weight in ("significant", "advisory", "ignored")]
    return f"Pending file operations: {len(weights)} ({', '.join(parts)})"


def _operation_rows(facts: FactsDict, safe: Callable[[str], str]) -> list[tuple[str, ...]]:
    """Return the operations, what counts first: suspicious, then by weight, then files put in place."""
    order = ("significant", "advisory", "ignored", "replace", "rename", "delete")
    operations = sorted(
        facts["file_operations"],
        key=lambda each: (not each["suspicious"], order.index(each["weight"]), order.index(each["action"])),
    )
    return [(each["weight"], each["action"], each["category"], safe(_path(each))) for each in operations]


def _path(operation: Mapping[str, Any]) -> str:
    path = f"{operation['source']} -> {operation['target']}" if operation["target"] else str(operation["source"])
    return f"{path} (malformed)" if operation["malformed"] else path


def _source_rows(facts: FactsDict, safe: Callable[[str], str]) -> list[tuple[str, ...]]:
    return [
        (id_, result["state"], result["since"] or "", safe(str(result["description"])))
        for id_, result in facts["sources"].items()
    ]


def state_colour(row: Sequence[str]) -> str:
    """Return the colour of a row whose second column is a state."""
    return _COLOURS[row[1]]


def columns(
    head: Sequence[str],
    rows: Sequence[Sequence[str]],
    colour_of: Callable[[Sequence[str]], str] | None = None,
    *,
    colour: bool = False,
) -> list[str]:
    """Return the lines of a table for people; with `colour` the second column has the one that `colour_of` gives."""
    widths = [max(len(row[index]) for row in (head, *rows)) for index in range(len(head) - 1)]
    paint = _paint(colour)

    def line(row: Sequence[str], code: str = "") -> str:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=False)]
        if code:
            cells[1] = paint(cells[1], code)
        return "  ".join([*cells, row[-1]]).rstrip()

    return [line(head), *(line(row, colour_of(row) if colour_of else "") for row in rows)]


def _paint(colour: bool) -> Paint:
    return (lambda text, code: f"\x1b[{code}m{text}\x1b[0m") if colour else lambda text, _: text
