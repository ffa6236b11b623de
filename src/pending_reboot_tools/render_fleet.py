# SPDX-License-Identifier: Apache-2.0
"""The facts of many hosts at a glance: who waits, who is not known, and why."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from pending_reboot.escape import markdown, markdown_table, printable

from .render import FactsDict, as_csv, as_json, columns, state_colour, wants_colour

#: What a person has to look at first.
_ORDER: Final = ("pending", "unknown", "advisory", "clear")
#: Characters of a reason in the table; the whole one is in every other format.
_WIDEST: Final = 100


def as_summary(facts: Sequence[FactsDict]) -> str:
    """Return one line a host, the gravest states first, and how many hosts are in which state."""
    rows = [
        (printable(str(each["host"])), each["state"], _since(each), _short(printable(_why(each)))) for each in facts
    ]
    rows.sort(key=lambda row: _ORDER.index(row[1]))
    paint = wants_colour(sys.stdout)
    return "\n".join(
        [*columns(("HOST", "STATE", "SINCE", "WHY"), rows, state_colour, colour=paint), "", _counts(facts)]
    )


def as_markdown(facts: Sequence[FactsDict]) -> str:
    """Return the same as a Markdown table."""
    rows = [(markdown(str(each["host"])), each["state"], _since(each), markdown(_why(each))) for each in facts]
    rows.sort(key=lambda row: _ORDER.index(row[1]))
    return "\n".join([*markdown_table(("Host", "State", "Since", "Why"), rows), "", _counts(facts)])


def _counts(facts: Sequence[FactsDict]) -> str:
    counts = Counter(str(each["state"]) for each in facts)
    return f"{len(facts)} hosts: " + ", ".join(f"{counts[state]} {state}" for state in _ORDER)


def _why(facts: FactsDict) -> str:
    """Return the reasons of the state; the same one of many sources is told once."""
    state = facts["state"]
    told = [str(result["description"]) for result in facts["sources"].values() if result["state"] == state]
    if state == "unknown":
        errors = [result["error"] for result in facts["sources"].values() if result["error"]]
        if len(errors) == len(facts["sources"]):
            told = [_common([str(error["message"]) for error in errors])]
    return "" if state == "clear" else "; ".join(dict.fromkeys(told))


def _common(messages: Sequence[str]) -> str:
    """Return what every message ends with: the reason behind the place."""
    shortest = min(messages, key=len)
    return shortest if all(message.endswith(shortest) for message in messages) else "; ".join(dict.fromkeys(messages))


def _since(facts: FactsDict) -> str:
    times = [result["since"] for result in facts["sources"].values() if result["state"] == facts["state"]]
    return min(filter(None, times), default="")


def _short(text: str) -> str:
    return text if len(text) <= _WIDEST else f"{text[: _WIDEST - 3]}..."


RENDERERS: Final[Mapping[str, Callable[[Sequence[FactsDict]], str]]] = {
    "table": as_summary,
    "json": lambda facts: "\n".join(map(as_json, facts)),
    "markdown": as_markdown,
    "csv": as_csv,
}
