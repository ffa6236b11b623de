# SPDX-License-Identifier: Apache-2.0
"""A fleet after a run: what each host waits for and what became of it, as JSON, Markdown and CSV.

A host of which nothing is known has its place: its state is *unknown*, and the report says why.
"""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from .errors import InputError
from .escape import cell, markdown, markdown_table
from .model import PRECEDENCE
from .model import SCHEMA as FACTS_SCHEMA
from .policy import parse_time
from .registry import iso

#: The version of the JSON form.
SCHEMA: Final = 1
#: What a person has to look at first.
_STATES: Final = ("pending", "unknown", "advisory", "clear")
_NOTHING: Final = "nothing was read of it in this run"


class HostReport(NamedTuple):
    """One host."""

    host: str
    #: The state of its facts when they were read last, `unknown` when they never were.
    state: str
    #: What became of it at the gate, None when it was at none: see `rollout.Outcome`.
    outcome: str | None
    #: One line: why it is in this state, or what happened to it.
    comment: str
    #: Ids of the sources that make it pending.
    reasons: tuple[str, ...]
    #: When the oldest of them was written (ISO 8601), None when that is not known.
    since: str | None
    #: When it started last (ISO 8601), None when that is not known.
    boot_time: str | None
    #: When its facts were read (ISO 8601), None when they never were.
    read_at: str | None
    #: Name and verdict of each patch that was asked for.
    patches: tuple[tuple[str, str], ...]

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON types."""
        patches = [{"name": name, "verdict": verdict} for name, verdict in self.patches]
        return {**self._asdict(), "reasons": list(self.reasons), "patches": patches}


def read_at(facts: object, where: str) -> datetime:
    """Return when `facts` were read, once it is certain that they are facts which `host_report` can use.

    Args:
        facts: what stands in the place of facts: whatever a cache or a variable of the same name holds.
        where: their place, in errors.

    Raises:
        InputError: they are something else.
    """
    nothing: Mapping[str, Any] = {}
    known = facts if isinstance(facts, Mapping) and facts.get("schema") == FACTS_SCHEMA else nothing
    sources = known.get("sources")
    reasons = known.get("reboot_required_reasons")
    sound = (
        known.get("state") in _STATES
        and isinstance(sources, Mapping)
        and all(_has(each, "state", "description") and each["state"] in PRECEDENCE for each in sources.values())
        and all(each.get("since") is None or _has(each, "since") for each in sources.values())
        and isinstance(reasons, Sequence)
        and all(_has(each, "source", "description") and each["source"] in sources for each in reasons)
        and (known.get("last_reboot") is None or _has(known["last_reboot"], "time"))
        and _has(known.get("collected"), "at")
    )
    if not sound:
        raise InputError(f"holds no facts of schema {FACTS_SCHEMA}", where=where)
    return parse_time(known["collected"]["at"], where)


def _has(value: object, *names: str) -> bool:
    """Tell whether it is a mapping in which each of `names` is text."""
    return isinstance(value, Mapping) and all(isinstance(value.get(name), str) for name in names)


def host_report(
    host: str,
    *,
    facts: Mapping[str, Any] | None = None,
    gate: Mapping[str, Any] | None = None,
    patches: Sequence[Mapping[str, Any]] = (),
    problem: str | None = None,
) -> HostReport:
    """Return the report of one host.

    Args:
        host: what the user calls it.
        facts: its facts (`Facts.to_dict()`), the last ones that were read.
        gate: `outcome` and `comment` of the gate.
        patches: `name` and `verdict` of each patch.
        problem: why it is not known how the host is: unreachable, or a task that failed. It comes before the rest.
    """
    gate = gate or {}
    state = str(facts["state"]) if facts else "unknown"
    telling, since = _telling(facts, state) if facts else ({}, None)
    why = "; ".join(dict.fromkeys(telling.values())) or ("" if facts else _NOTHING)
    boot = facts.get("last_reboot") if facts else None
    return HostReport(
        host,
        state,
        str(gate["outcome"]) if gate.get("outcome") else None,
        str(problem or gate.get("comment") or why),
        tuple(telling) if state == "pending" else (),
        since,
        str(boot["time"]) if boot else None,
        str(facts["collected"]["at"]) if facts else None,
        tuple((str(each["name"]), str(each["verdict"])) for each in patches),
    )


def _telling(facts: Mapping[str, Any], state: str) -> tuple[dict[str, str], str | None]:
    """Return the sources that put the machine into its state, by id what each says, and when the oldest was written."""
    sources: Mapping[str, Any] = facts["sources"]
    if state == "pending":  # with `strict` that is also because of sources which by themselves are only advisory
        telling = {str(each["source"]): str(each["description"]) for each in facts["reboot_required_reasons"]}
    elif state == "clear":
        telling = {}
    else:
        telling = {id_: str(each["description"]) for id_, each in sources.items() if each["state"] == state}
    written = (str(sources[id_]["since"]) for id_ in telling if sources[id_].get("since"))
    return telling, min(written, default=None)


def as_json(hosts: Sequence[HostReport], now: datetime) -> str:
    """Return one object: `schema`, `at`, `summary` (numbers by state and outcome) and `hosts`."""
    summary = {
        "hosts": len(hosts),
        "states": dict(Counter(each.state for each in hosts)),
        "outcomes": dict(Counter(each.outcome for each in hosts if each.outcome)),
    }
    content = {
        "schema": SCHEMA,
        "at": iso(now),
        "summary": summary,
        "hosts": [each.to_dict() for each in _sorted(hosts)],
    }
    return json.dumps(content, indent=2) + "\n"


def as_markdown(hosts: Sequence[HostReport], now: datetime) -> str:
    """Return a page with the numbers and a table, the gravest states first."""
    states = Counter(each.state for each in hosts)
    outcomes = Counter(each.outcome for each in hosts if each.outcome)
    counts = [", ".join(f"{states[state]} {state}" for state in _STATES)]
    if outcomes:
        counts.append(", ".join(f"{number} {outcome.replace('_', ' ')}" for outcome, number in outcomes.items()))
    rows = [
        (
            markdown(each.host),
            each.state,
            markdown((each.outcome or "").replace("_", " ")),
            each.since or "",
            markdown(each.comment),
            markdown("; ".join(f"{name} {verdict.replace('_', ' ')}" for name, verdict in each.patches)),
            each.read_at or "",
        )
        for each in _sorted(hosts)
    ]
    table = markdown_table(("Host", "State", "Outcome", "Since", "Why", "Patches", "Read at"), rows)
    head = ["# Pending reboots", "", f"{len(hosts)} hosts at {iso(now)}: {'; '.join(counts)}.", ""]
    return "\n".join([*head, *table]) + "\n"


def as_csv(hosts: Sequence[HostReport], _now: datetime) -> str:
    """Return one row a host."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["host", "state", "outcome", "since", "boot_time", "read_at", "reasons", "comment", "patches"])
    for each in _sorted(hosts):
        patches = "; ".join(f"{name}={verdict}" for name, verdict in each.patches)
        times = (each.since or "", each.boot_time or "", each.read_at or "")
        head = [cell(each.host), each.state, each.outcome or "", *times]
        writer.writerow([*head, " ".join(each.reasons), cell(each.comment), cell(patches)])
    return out.getvalue()


def _sorted(hosts: Sequence[HostReport]) -> list[HostReport]:
    return sorted(hosts, key=lambda each: (_STATES.index(each.state) if each.state in _STATES else 0, each.host))


#: Renderers by the name of the format, and the extension of its files.
FORMATS: Final[Mapping[str, tuple[str, Callable[[Sequence[HostReport], datetime], str]]]] = {
    "json": (".json", as_json),
    "markdown": (".md", as_markdown),
    "csv": (".csv", as_csv),
}
