# SPDX-License-Identifier: Apache-2.0
"""The facts in short: what a Salt grain holds and an event carries."""

from __future__ import annotations

from .model import Facts
from .probes import COMPONENTS
from .registry import iso
from .sources import all_sources


def registry_sources() -> tuple[str, ...]:
    """Return the ids of the sources that no other component has to answer: reading them is fast and cannot hang."""
    return tuple(source.id for source in all_sources() if not COMPONENTS.intersection(source.probes))


def summarize(facts: Facts) -> dict[str, object]:
    """Return the facts in short, as plain JSON types.

    `reasons` are ids of sources: of those that make the machine pending, else of those that could not be read, else of
    those that are advisory. `since` is when the oldest of them was written, null when that is not known.
    """
    telling = [id_ for id_, result in facts.sources.items() if result.state == facts.state != "clear"]
    reasons = [id_ for id_, _description in facts.reasons] or telling
    written = [since for id_ in reasons if (since := facts.sources[id_].since)]
    return {
        "state": facts.state,
        "reasons": reasons,
        "since": iso(min(written)) if written else None,
        "complete": facts.complete,
        "boot_time": iso(facts.last_reboot.time) if facts.last_reboot else None,
        "collected_at": iso(facts.collected.at),
        "version": facts.collected.version,
    }
