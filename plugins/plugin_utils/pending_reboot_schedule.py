# SPDX-License-Identifier: Apache-2.0
"""Maintenance windows that recur, for the gate's policy.

The recurrence rules are python-dateutil's (RFC 5545), so this file stands beside the core, which uses the standard
library only. Rules are evaluated in the window's own time zone: "22:00" stays 22:00 when daylight saving time changes.

References:
    https://www.rfc-editor.org/rfc/rfc5545#section-3.3.10
    https://dateutil.readthedocs.io/en/stable/rrule.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from pending_reboot.policy import Recurrence

_FREQUENCIES = ("DAILY", "WEEKLY", "MONTHLY", "YEARLY")
_FIELDS = {"rrule", "start", "duration", "timezone", "from"}
_LONGEST = timedelta(days=31)
_HORIZON = datetime(2101, 1, 1)


@dataclass(frozen=True, slots=True)
class RecurringWindow:
    """A window that opens at every occurrence of a rule and stays open for `duration`."""

    rule: Any  # dateutil.rrule.rrule, which is untyped
    duration: timedelta
    zone: ZoneInfo

    def contains(self, now: datetime) -> bool:
        """Tell whether `now` (aware) lies in the window."""
        local = self._local(now)
        begun = self.rule.between(local - self.duration - timedelta(days=1), local + timedelta(days=1), inc=True)
        return any(start <= now < start + self.duration for start in map(self._utc, begun))

    def next_start(self, now: datetime) -> datetime | None:
        """Return when the window opens after `now`, in UTC; None when the rule has ended."""
        local = self._local(now) - timedelta(days=1)  # local clocks jump, so the comparison is in UTC
        while (occurrence := self.rule.after(local)) is not None:
            start = self._utc(occurrence)
            if start > now:
                return start
            local = occurrence
        return None

    def _local(self, when: datetime) -> datetime:
        return when.astimezone(self.zone).replace(tzinfo=None)

    def _utc(self, local: datetime) -> datetime:
        return local.replace(tzinfo=self.zone).astimezone(timezone.utc)


def recurrence(input_error: type[Exception], parse_duration: Any) -> Recurrence:
    """Return what makes a window of a policy's mapping.

    Args:
        input_error: the core's `InputError`; the core exists under two import names, this file must not choose one.
        parse_duration: the core's `duration.parse_duration`, for the same reason.
    """

    def window(entry: Mapping[str, object]) -> RecurringWindow:
        def wrong(what: str, hint: str = "") -> Exception:
            return input_error(what, where="policy.window", hint=hint)  # type: ignore[call-arg]

        try:
            from dateutil.rrule import rrulestr
        except ImportError as error:
            raise wrong("an rrule needs python-dateutil", "pip install python-dateutil") from error
        unknown = sorted(set(map(str, entry)) - _FIELDS)
        if unknown:
            raise wrong(f"unknown field {unknown[0]!r}", f"known: {', '.join(sorted(_FIELDS))}")
        text = str(entry["rrule"]).removeprefix("RRULE:")
        parts = dict(part.upper().partition("=")[::2] for part in text.split(";"))
        if len(parts) != text.count(";") + 1 or parts.get("FREQ") not in _FREQUENCIES:
            raise wrong(f"the rrule {text!r} needs one FREQ of {', '.join(_FREQUENCIES)}, and no part twice")
        if "DTSTART" in text.upper() or not _positive(parts.get("INTERVAL", "1")):
            raise wrong(f"the rrule {text!r} may hold no DTSTART (give start and from) and no INTERVAL below 1")
        duration = parse_duration(entry.get("duration"), "policy.window.duration")
        if not timedelta(0) < duration <= _LONGEST:
            raise wrong("duration must be more than nothing and at most 31 days")
        try:
            zone = ZoneInfo(str(entry.get("timezone", "UTC")))
            first = datetime.combine(_day(entry.get("from", "2001-01-01")), _clock(entry.get("start", "00:00")))
            rule: Any = rrulestr(_local_until(text, zone), dtstart=first)
            # A rule that never occurs is found out soon only when it has an end.
            bounded = rule if {"UNTIL", "COUNT"} & parts.keys() else rule.replace(until=_HORIZON)
            return RecurringWindow(bounded, duration, zone)
        except ZoneInfoNotFoundError as error:
            raise wrong(f"unknown time zone {entry.get('timezone')!r}", "write a name like Europe/Berlin") from error
        except (ValueError, TypeError) as error:
            raise wrong(f"the rrule {text!r} cannot be used: {error}") from error

    return window


def _positive(text: str) -> bool:
    return text.isascii() and text.isdigit() and int(text) > 0


def _local_until(text: str, zone: ZoneInfo) -> str:
    """Return the rule with an UNTIL that is written in UTC turned into the window's own time."""

    def local(match: re.Match[str]) -> str:
        until = datetime.strptime(match.group(1).upper(), "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)
        return f"UNTIL={until.astimezone(zone):%Y%m%dT%H%M%S}"

    return re.sub(r"UNTIL=(\d{8}T\d{6})Z", local, text, flags=re.IGNORECASE)


def _clock(value: object) -> time:
    if isinstance(value, int):  # YAML 1.1 reads 22:00 as the sexagesimal number 1320
        return time(*divmod(value, 60))
    clock = time.fromisoformat(str(value))
    if clock.tzinfo:
        raise ValueError("start has an offset from UTC; the window's timezone says where its clock is")
    return clock


def _day(value: object) -> date:
    return value if isinstance(value, date) else date.fromisoformat(str(value))
