# SPDX-License-Identifier: Apache-2.0
"""Policies from plain data, windows that recur, lengths of time."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot import InputError, Policy
from pending_reboot.duration import parse_duration
from pending_reboot.policy import Span
from pending_reboot_schedule import recurrence

RECURRING = recurrence(InputError, parse_duration)
BERLIN = ZoneInfo("Europe/Berlin")


def policy(**fields: Any) -> Policy:
    return Policy.from_dict(fields, recurrence=RECURRING)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=timezone.utc)


class TestPolicy:
    def test_defaults_are_cautious(self) -> None:
        assert Policy.from_dict({}) == Policy()
        assert (Policy().on_unknown, Policy().strict, Policy().max_reboots) == ("block", False, 2)

    def test_every_field(self) -> None:
        assert policy(
            sources=["intune", "windows_update"],
            skip_sources="intune, domain_join",
            ignore=["*\\x"],
            strict=True,
            on_unknown="ignore",
            min_uptime="1h",
            max_reboots=1,
            max_reboots_within=3600,
            window={"start": "2026-01-01T00:00:00Z", "end": "2026-01-02T00:00:00+01:00"},
        ) == Policy(
            sources=("intune", "windows_update"),
            skip_sources=("intune", "domain_join"),
            ignore=("*\\x",),
            strict=True,
            on_unknown="ignore",
            window=(Span(utc("2026-01-01T00:00"), utc("2026-01-01T23:00")),),
            min_uptime=timedelta(hours=1),
            max_reboots=1,
            max_reboots_within=timedelta(hours=1),
        )

    @pytest.mark.parametrize(
        ("fields", "message"),
        [
            ({"on_unkown": "block"}, "policy: unknown field 'on_unkown' (known: ignore, max_reboots, "),
            ({"on_unknown": "guess"}, "policy.on_unknown: 'guess' is not known (one of block, reboot, ignore)"),
            ({"strict": "yes"}, "policy.strict: 'yes' is neither true nor false"),
            ({"sources": ["wua"]}, "there is no source 'wua' (known: windows_update, "),
            ({"sources": 7}, "policy.sources: 7 is no list of names"),
            ({"max_reboots": -1}, "policy.max_reboots: -1 is no whole number from 0"),
            ({"max_reboots": True}, "policy.max_reboots: True is no whole number from 0"),
            (
                {"min_uptime": "soon"},
                "policy.min_uptime: 'soon' is no length of time (write 90s, 30m, 4h, 1d or 1h30m)",
            ),
            (
                {"max_reboots_within": "1000000w"},
                "policy.max_reboots_within: '1000000w' is too long (at most 3660 days)",
            ),
            ({"window": "always"}, "policy.window[0]: 'always' is no mapping (give start and end, or an rrule)"),
            ({"window": [{"start": "2026-01-01T00:00Z"}]}, "policy.window[0]: needs start and end, or an rrule"),
            (
                {"window": [{"start": "2026-01-02T00:00Z", "end": "2026-01-01T00:00Z"}]},
                "policy.window[0]: ends before it starts",
            ),
            (
                {"window": [{"start": "2026-01-02T00:00", "end": "2026-01-03T00:00Z"}]},
                "policy.window[0].start: '2026-01-02T00:00' has no offset from UTC (write 2026-11-22T22:00:00Z)",
            ),
            (
                {"window": [{"rrule": "FREQ=SECONDLY", "duration": "1h"}]},
                "policy.window: the rrule 'FREQ=SECONDLY' needs one FREQ of",
            ),
            (
                {"window": [{"rrule": "FREQ=DAILY;X=1", "duration": "1h"}]},
                "policy.window: the rrule 'FREQ=DAILY;X=1' cannot",
            ),
            (
                {"window": [{"rrule": "FREQ=DAILY;FREQ=SECONDLY", "duration": 1}]},
                "policy.window: the rrule 'FREQ=DAILY;FREQ",
            ),
            (
                {"window": [{"rrule": "FREQ=DAILY;INTERVAL=0", "duration": 1}]},
                "policy.window: the rrule 'FREQ=DAILY;INTER",
            ),
            (
                {"window": [{"rrule": "DTSTART=20260101;FREQ=DAILY", "duration": 1}]},
                "policy.window: the rrule 'DTSTART=",
            ),
            (
                {"window": [{"rrule": "FREQ=DAILY", "duration": 1, "start": "22:00+02:00"}]},
                "policy.window: the rrule 'FREQ=DAILY' cannot be used: start has an offset from UTC",
            ),
            ({"window": [{"rrule": "FREQ=DAILY"}]}, "policy.window.duration: None is no length of time"),
            ({"window": [{"rrule": "FREQ=DAILY", "duration": 0}]}, "policy.window: duration must be more than nothing"),
            (
                {"window": [{"rrule": "FREQ=DAILY", "duration": "1h", "timezone": "Mars/Olympus"}]},
                "policy.window: unknown time zone 'Mars/Olympus' (write a name like Europe/Berlin)",
            ),
            (
                {"window": [{"rrule": "FREQ=DAILY", "duration": "1h", "until": 1}]},
                "policy.window: unknown field 'until'",
            ),
        ],
    )
    def test_what_cannot_be_used_is_named(self, fields: dict[str, object], message: str) -> None:
        with pytest.raises(InputError) as caught:
            policy(**fields)
        assert str(caught.value).startswith(message)

    def test_recurrence_needs_its_library(self) -> None:
        with pytest.raises(InputError, match="recurring windows are not supported here"):
            Policy.from_dict({"window": [{"rrule": "FREQ=DAILY", "duration": "1h"}]})


class TestRecurringWindow:
    def test_saturday_night_in_its_own_time_zone(self) -> None:
        (window,) = policy(
            window={"rrule": "FREQ=WEEKLY;BYDAY=SA", "start": "22:00", "duration": "4h", "timezone": "Europe/Berlin"}
        ).window
        assert not window.contains(datetime(2026, 11, 21, 21, 59, tzinfo=BERLIN))
        assert window.contains(datetime(2026, 11, 21, 22, 0, tzinfo=BERLIN))
        assert window.contains(datetime(2026, 11, 22, 1, 59, tzinfo=BERLIN))
        assert not window.contains(datetime(2026, 11, 22, 2, 0, tzinfo=BERLIN))
        assert window.next_start(utc("2026-11-22T12:00")) == utc("2026-11-28T21:00")

    def test_the_wall_clock_counts_when_daylight_saving_time_changes(self) -> None:
        (window,) = policy(
            window={"rrule": "FREQ=DAILY", "start": "22:00", "duration": "1h", "timezone": "Europe/Berlin"}
        ).window
        assert window.contains(utc("2026-07-01T20:30"))
        assert window.contains(utc("2026-12-01T21:30"))
        assert not window.contains(utc("2026-12-01T20:30"))

    def test_the_sunday_after_patch_tuesday(self) -> None:
        (window,) = policy(
            window={"rrule": "RRULE:FREQ=MONTHLY;BYDAY=SU;BYMONTHDAY=13,14,15,16,17,18,19", "duration": "2h"}
        ).window
        assert window.next_start(utc("2026-11-01T00:00")) == utc("2026-11-15T00:00")

    def test_every_other_week_counts_from_a_day(self) -> None:
        (window,) = policy(
            window={"rrule": "FREQ=WEEKLY;INTERVAL=2;BYDAY=SA", "duration": "1d", "from": "2026-11-07"}
        ).window
        assert window.contains(utc("2026-11-21T12:00"))
        assert not window.contains(utc("2026-11-14T12:00"))

    def test_a_rule_that_has_ended(self) -> None:
        (window,) = policy(window={"rrule": "FREQ=DAILY;UNTIL=20260101T000000", "duration": "1h"}).window
        assert window.next_start(utc("2026-11-01T00:00")) is None

    def test_the_end_may_be_written_in_utc(self) -> None:
        (window,) = policy(
            window={
                "rrule": "FREQ=DAILY;UNTIL=20261101T210000Z",
                "start": "22:00",
                "duration": 60,
                "timezone": "Europe/Berlin",
            }
        ).window
        assert window.next_start(utc("2026-10-31T22:00")) == utc("2026-11-01T21:00")
        assert window.next_start(utc("2026-11-01T21:00")) is None

    def test_a_rule_that_never_occurs(self) -> None:
        (window,) = policy(window={"rrule": "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=31", "duration": "1h"}).window
        assert window.next_start(utc("2026-11-01T00:00")) is None

    def test_a_start_that_the_clock_skips(self) -> None:
        (window,) = policy(
            window={"rrule": "FREQ=DAILY", "start": "02:30", "duration": "1h", "timezone": "Europe/Berlin"}
        ).window
        opens = window.next_start(utc("2026-03-29T01:00"))
        assert opens == utc("2026-03-29T01:30")
        assert window.contains(opens)

    def test_yaml_reads_a_clock_as_a_number(self) -> None:
        (window,) = policy(window={"rrule": "FREQ=DAILY", "start": 22 * 60 + 30, "duration": "1h"}).window
        assert window.contains(utc("2026-11-01T22:45"))


class TestDuration:
    @pytest.mark.parametrize(
        ("written", "seconds"),
        [
            (90, 90),
            ("90", 90),
            ("90s", 90),
            ("30m", 1800),
            ("4h", 14400),
            ("1d", 86400),
            ("1h30m", 5400),
            ("1 h", 3600),
            (0, 0),
        ],
    )
    def test_forms(self, written: object, seconds: int) -> None:
        assert parse_duration(written, "x") == timedelta(seconds=seconds)

    @given(st.text(max_size=30) | st.integers() | st.floats() | st.none() | st.booleans())
    def test_anything_else_is_refused(self, written: object) -> None:
        try:
            assert parse_duration(written, "x") >= timedelta(0)
        except InputError:
            return
