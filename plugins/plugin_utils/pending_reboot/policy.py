# SPDX-License-Identifier: Apache-2.0
"""What the user lets the gate do: a policy, read from plain data with clear errors."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple, Protocol, get_args

from .duration import parse_duration
from .errors import InputError
from .plain_data import flag
from .sources import select
from .text import names

OnUnknown = Literal["block", "reboot", "ignore"]


class Window(Protocol):
    """When reboots are allowed."""

    def contains(self, now: datetime) -> bool:
        """Tell whether `now` (aware) lies in the window."""

    def next_start(self, now: datetime) -> datetime | None:
        """Return when the window opens after `now`, None when it never does again."""


class Span(NamedTuple):
    """A window that opens once: from `start` to before `end`, both aware."""

    start: datetime
    end: datetime

    def contains(self, now: datetime) -> bool:
        """Tell whether `now` lies in the span."""
        return self.start <= now < self.end

    def next_start(self, now: datetime) -> datetime | None:
        """Return the start while it lies ahead."""
        return self.start if now < self.start else None


@dataclass(frozen=True, slots=True)
class Policy:
    """When a reboot may happen and what counts as a reason. The defaults are the cautious choice."""

    #: Ids of the sources that count; none means all.
    sources: tuple[str, ...] = ()
    #: Ids of sources that do not count.
    skip_sources: tuple[str, ...] = ()
    #: Patterns of file operations that do not count (see `file_operations.ignoring`).
    ignore: tuple[str, ...] = ()
    #: Count *advisory* as *pending*.
    strict: bool = False
    #: What to do when nothing is pending but a source could not be read.
    on_unknown: OnUnknown = "block"
    #: When reboots are allowed; none means always.
    window: tuple[Window, ...] = ()
    #: How long the machine must have been up.
    min_uptime: timedelta = timedelta(0)
    #: How many reboots are allowed within `max_reboots_within`.
    max_reboots: int = 2
    max_reboots_within: timedelta = field(default=timedelta(days=1))

    @classmethod
    def from_dict(cls, data: Mapping[str, object], *, recurrence: Recurrence | None = None) -> Policy:
        """Return the policy that plain data (YAML or JSON) describes.

        Args:
            data: the fields of this class; lists may be comma-separated text.
            recurrence: makes a window of a mapping with an `rrule`; without it only spans are understood.

        Raises:
            InputError: an unknown field, or a value that cannot be used.
        """
        known = {each.name for each in fields(cls)}
        unknown = sorted(set(map(str, data)) - known)
        if unknown:
            raise InputError(f"unknown field {unknown[0]!r}", where="policy", hint=f"known: {', '.join(sorted(known))}")
        values = {name: _READERS[name](value, f"policy.{name}") for name, value in data.items() if name in _READERS}
        if "window" in data:
            values["window"] = _windows(data["window"], recurrence)
        policy = cls(**values)  # type: ignore[arg-type]  # each reader returns its field's type
        select(policy.sources, policy.skip_sources)
        return policy


#: Makes a window of a mapping with an `rrule`.
Recurrence = Callable[[Mapping[str, object]], Window]


def _whole(value: object, where: str) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise InputError(f"{value!r} is no whole number from 0", where=where)


def _on_unknown(value: object, where: str) -> str:
    if value in get_args(OnUnknown):
        return str(value)
    raise InputError(f"{value!r} is not known", where=where, hint=f"one of {', '.join(get_args(OnUnknown))}")


_READERS: Final[Mapping[str, Callable[[object, str], object]]] = {
    "sources": names,
    "skip_sources": names,
    "ignore": names,
    "strict": flag,
    "on_unknown": _on_unknown,
    "min_uptime": parse_duration,
    "max_reboots": _whole,
    "max_reboots_within": parse_duration,
}


def _windows(value: object, recurrence: Recurrence | None) -> tuple[Window, ...]:
    entries = value if isinstance(value, (list, tuple)) else [] if value is None else [value]
    windows: list[Window] = []
    for index, entry in enumerate(entries):
        where = f"policy.window[{index}]"
        if not isinstance(entry, Mapping):
            raise InputError(f"{entry!r} is no mapping", where=where, hint="give start and end, or an rrule")
        if "rrule" not in entry:
            windows.append(_span(entry, where))
        elif recurrence is None:
            raise InputError("recurring windows are not supported here", where=where, hint="give start and end")
        else:
            windows.append(recurrence(entry))
    return tuple(windows)


def _span(entry: Mapping[str, object], where: str) -> Span:
    if set(entry) != {"start", "end"}:
        raise InputError("needs start and end, or an rrule", where=where)
    start, end = (parse_time(entry[name], f"{where}.{name}") for name in ("start", "end"))
    if end <= start:
        raise InputError("ends before it starts", where=where)
    return Span(start, end)


def parse_time(value: object, where: str) -> datetime:
    """Return the aware time in ISO 8601 text (or a datetime, as YAML makes one).

    Raises:
        InputError: it is no time, or has no offset from UTC. `where` names the field.
    """
    try:
        when = value if isinstance(value, datetime) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
    except ValueError as error:
        raise InputError(f"{value!r} is no ISO 8601 time", where=where, hint="write 2026-11-22T22:00:00Z") from error
    if when.tzinfo is None:
        raise InputError(f"{value!r} has no offset from UTC", where=where, hint="write 2026-11-22T22:00:00Z")
    return when
