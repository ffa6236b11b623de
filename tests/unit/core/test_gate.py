# SPDX-License-Identifier: Apache-2.0
"""The gate: which action wins, and that no reboot is repeated in vain."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot import InputError, Policy, decide, facts_from
from pending_reboot.policy import Span
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.registry import Unreadable, Value, datetime_to_filetime
from pending_reboot.sources.component_based_servicing import REBOOT_PENDING
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=timezone.utc)
BOOT = NOW - timedelta(hours=3)
SOURCES = ("pending_file_rename", "component_based_servicing")
DRIVER = (r"\??\C:\Windows\system32\drivers\SET1.tmp", r"!\??\C:\Windows\system32\drivers\a.sys")
CLEAN_UP = (r"\??\C:\Temp\a.tmp", "")


def facts(
    *renames: str,
    cbs: bool | datetime = False,
    denied: bool = False,
    boot: datetime | None = BOOT,
    **options: Any,
) -> dict[str, Any]:
    """Facts of a machine with these pending renames."""
    probes = {"boot_time": {"time_epoch": boot.timestamp(), "source": "test"}} if boot else {}
    reader = MemoryRegistry(probes={**probes, "host": {"name": "web1"}})
    reader.key(SESSION_MANAGER.path, {"PendingFileRenameOperations": Value.from_strings(renames)})
    if cbs:
        written = datetime_to_filetime(cbs) if isinstance(cbs, datetime) else None
        reader.key(REBOOT_PENDING.path, volatile=True, last_write=written)
    if denied:
        reader.fail(REBOOT_PENDING.path, Unreadable("denied", 5, "access is denied"))
    return facts_from(reader, sources=SOURCES, now=NOW, **options).to_dict()


def codes(decision: Any) -> list[str]:
    return [each.code for each in decision.because]


class TestWhatIsPending:
    def test_nothing(self) -> None:
        decision = decide(facts(), now=NOW)
        assert (decision.action, codes(decision), decision.reasons, decision.digest) == (
            "none",
            ["nothing_pending"],
            (),
            None,
        )

    def test_a_driver(self) -> None:
        decision = decide(facts(*DRIVER), now=NOW)
        assert (decision.action, codes(decision)) == ("reboot", ["pending"])
        assert decision.reasons == ("pending_file_rename",)
        assert decision.host == "web1"
        assert decision.to_dict()["boot_time"] == "2026-11-22T19:00:00Z"

    def test_clean_up_only(self) -> None:
        decision = decide(facts(*CLEAN_UP), now=NOW)
        assert (decision.action, codes(decision)) == ("none", ["advisory_only"])

    def test_clean_up_counts_when_strict(self) -> None:
        assert decide(facts(*CLEAN_UP), Policy(strict=True), now=NOW).action == "reboot"
        assert decide(facts(*CLEAN_UP, strict=True), now=NOW).action == "reboot"

    @pytest.mark.parametrize(("on_unknown", "action"), [("block", "blocked"), ("reboot", "reboot"), ("ignore", "none")])
    def test_unreadable(self, on_unknown: Any, action: str) -> None:
        decision = decide(facts(denied=True), Policy(on_unknown=on_unknown), now=NOW)
        assert (decision.action, codes(decision)) == (action, ["unknown"])

    def test_unreadable_blocks_by_default(self) -> None:
        assert decide(facts(denied=True), now=NOW).action == "blocked"

    def test_pending_wins_over_unreadable(self) -> None:
        decision = decide(facts(*DRIVER, denied=True), now=NOW)
        assert (decision.action, codes(decision)) == ("reboot", ["pending", "unknown"])

    def test_only_some_sources_count(self) -> None:
        assert decide(facts(*DRIVER), Policy(sources=("component_based_servicing",)), now=NOW).action == "none"
        assert decide(facts(*DRIVER), Policy(skip_sources=("pending_file_rename",)), now=NOW).action == "none"

    def test_a_source_that_counts_but_was_not_asked_is_unknown(self) -> None:
        decision = decide(facts(), Policy(sources=("windows_update",)), now=NOW)
        assert decision.action == "blocked"
        assert decision.because[0].message == "windows_update: is not in the facts"

    def test_ignored_operations_are_no_reason(self) -> None:
        assert decide(facts(*DRIVER), Policy(ignore=(r"*\a.sys",)), now=NOW).action == "none"
        assert decide(facts(*DRIVER, *CLEAN_UP), Policy(ignore=(r"*\a.sys",)), now=NOW).action == "none"
        assert decide(facts(*DRIVER), Policy(ignore=(r"*\b.sys",)), now=NOW).action == "reboot"

    def test_ignoring_what_could_be_read_leaves_what_could_not(self) -> None:
        half = facts(*DRIVER)
        half["sources"]["pending_file_rename"]["error"] = {"kind": "denied", "code": 5, "message": "no"}
        assert decide(half, Policy(ignore=("*",)), now=NOW).action == "blocked"
        assert decide(half, Policy(ignore=("x",)), now=NOW).action == "reboot"

    def test_takes_facts_as_they_are(self) -> None:
        assert decide(facts_from(MemoryRegistry(), sources=["intune"]), now=NOW).action == "none"


class TestLoopBreaker:
    def test_the_same_after_a_reboot_is_stuck(self) -> None:
        first = decide(facts(*DRIVER), now=NOW)
        again = decide(facts(*DRIVER, boot=NOW + timedelta(minutes=2)), history=[first.to_dict()], now=NOW)
        assert (again.action, codes(again)) == ("blocked", ["pending", "stuck"])
        assert "2026-11-22T22:02:00Z" in again.because[-1].message

    def test_something_else_after_a_reboot_is_not(self) -> None:
        first = decide(facts(*DRIVER), now=NOW)
        again = decide(facts(cbs=True, boot=NOW + timedelta(minutes=2)), history=[first.to_dict()], now=NOW)
        assert again.action == "reboot"

    def test_what_is_left_of_several_reasons_is_stuck_too(self) -> None:
        first = decide(facts(*DRIVER, cbs=True), now=NOW)
        again = decide(facts(cbs=True, boot=NOW + timedelta(minutes=2)), history=[first.to_dict()], now=NOW)
        assert (again.action, codes(again)) == ("blocked", ["pending", "stuck"])
        assert "did not complete it: component_based_servicing as before" in again.because[-1].message

    def test_one_more_reason_than_before_is_not(self) -> None:
        first = decide(facts(*DRIVER), now=NOW)
        more = decide(facts(*DRIVER, cbs=True, boot=NOW + timedelta(minutes=2)), history=[first.to_dict()], now=NOW)
        assert more.action == "reboot"

    def test_a_key_that_vanishes_with_a_reboot_and_was_written_long_after_it_is_new(self) -> None:
        """A host that comes back too late leaves no decision that it was clear; next month it is patched again."""
        month = NOW - timedelta(days=30)
        past = [decide(facts(cbs=month, boot=month), now=month).to_dict()]
        boot = month + timedelta(days=1)

        def later(*renames: str, written: datetime) -> list[str]:
            return codes(decide(facts(*renames, cbs=written, boot=boot), history=past, now=NOW))

        assert later(written=NOW - timedelta(days=1)) == ["pending"]
        assert later(written=boot + timedelta(hours=23))[-1] == "stuck", "it comes back after each reboot"
        past[0] |= {"digests": past[0]["digests"] | decide(facts(*DRIVER), now=NOW).to_dict()["digests"]}  # type: ignore[operator]
        assert later(*DRIVER, written=NOW - timedelta(days=1))[-1] == "stuck", "the other one may be as old as it looks"
        past.append(decide(facts(cbs=NOW - timedelta(days=1), boot=boot), now=NOW - timedelta(hours=2)).to_dict())
        again = facts(cbs=NOW - timedelta(minutes=9), boot=NOW - timedelta(minutes=10))
        assert codes(decide(again, history=past, now=NOW))[-1] == "stuck"

    def test_a_history_that_keeps_only_the_digest_of_all_reasons_still_counts(self) -> None:
        first = decide(facts(*DRIVER), now=NOW).to_dict()
        del first["digests"]
        again = decide(facts(*DRIVER, boot=NOW + timedelta(minutes=2)), history=[first], now=NOW)
        assert codes(again)[-1] == "stuck"

    def test_clean_up_does_not_hide_a_stuck_driver(self) -> None:
        first = decide(facts(*DRIVER, *CLEAN_UP), now=NOW)
        other = (r"\??\C:\Temp\another.tmp", "")
        again = decide(facts(*DRIVER, *other, boot=NOW + timedelta(minutes=2)), history=[first.to_dict()], now=NOW)
        assert codes(again)[-1] == "stuck"

    def test_an_ignored_operation_does_not_hide_it_either(self) -> None:
        policy = Policy(ignore=(r"*\noise*",))
        noise = (r"\??\C:\Windows\noise1", "", r"\??\C:\Windows\noise2", "")
        first = decide(facts(*DRIVER, *noise[:2]), policy, now=NOW)
        again = decide(facts(*DRIVER, *noise[2:], boot=NOW + timedelta(minutes=2)), policy, [first.to_dict()], NOW)
        assert codes(again)[-1] == "stuck"

    def test_a_reboot_that_did_not_happen_is_tried_once_more_and_never_a_third_time(self) -> None:
        policy = Policy(max_reboots=9)
        history: list[dict[str, object]] = []
        actions = []
        for _ in range(4):
            decision = decide(facts(*DRIVER), policy, history, NOW)
            history.append(decision.to_dict())
            actions.append((decision.action, codes(decision)[-1]))
        assert actions == [("reboot", "pending"), ("reboot", "pending"), *[("blocked", "repeated")] * 2]

    def test_the_same_without_a_known_boot_time(self) -> None:
        policy = Policy(max_reboots=9)
        history = [decide(facts(*DRIVER, boot=None), policy, now=NOW).to_dict() for _ in range(2)]
        assert codes(decide(facts(*DRIVER, boot=None), policy, history, NOW))[-1] == "repeated"

    def test_a_clock_correction_is_no_reboot(self) -> None:
        first = decide(facts(*DRIVER), now=NOW)
        again = decide(facts(*DRIVER, boot=BOOT + timedelta(seconds=5)), history=[first.to_dict()], now=NOW)
        assert again.action == "reboot"

    def test_the_order_of_the_history_does_not_matter(self) -> None:
        day = timedelta(days=1)
        history = [decide(facts(*DRIVER), now=NOW).to_dict(), decide(facts(), now=NOW - day).to_dict()]
        assert codes(decide(facts(*DRIVER, boot=NOW + timedelta(minutes=2)), history=history, now=NOW))[-1] == "stuck"

    def test_having_been_clear_in_between_starts_anew(self) -> None:
        later = NOW + timedelta(days=30)
        history = [decide(facts(*DRIVER), now=NOW).to_dict(), decide(facts(), now=NOW + timedelta(1)).to_dict()]
        assert decide(facts(*DRIVER, boot=NOW + timedelta(minutes=2)), history=history, now=later).action == "reboot"

    def test_waiting_for_the_window_in_between_does_not(self) -> None:
        never = Policy(window=(Span(NOW + timedelta(days=1), NOW + timedelta(days=2)),))
        boot = NOW + timedelta(minutes=2)
        history = [decide(facts(*DRIVER), now=NOW).to_dict(), decide(facts(*DRIVER), never, now=NOW).to_dict()]
        assert history[1]["action"] == "defer"
        assert codes(decide(facts(*DRIVER, boot=boot), history=history, now=NOW))[-1] == "stuck"

    def test_decides_by_no_text(self) -> None:
        first = decide(facts(*DRIVER), now=NOW).to_dict()
        other = facts(*DRIVER, boot=NOW + timedelta(minutes=2))
        other["sources"]["pending_file_rename"]["description"] = "anders"
        assert codes(decide(other, history=[first], now=NOW))[-1] == "stuck"

    def test_too_many_reboots(self) -> None:
        first = decide(facts(cbs=True), now=NOW - timedelta(hours=1)).to_dict()
        second = decide(facts(*DRIVER), now=NOW - timedelta(minutes=30)).to_dict()
        now = facts(*DRIVER, cbs=True, boot=NOW - timedelta(minutes=20))
        decision = decide(now, history=[first, second], now=NOW)
        assert (decision.action, codes(decision)[-1]) == ("blocked", "too_many_reboots")
        assert decide(now, history=[first, second], now=NOW + timedelta(days=1)).action == "reboot"


class TestWhen:
    def test_outside_of_the_window(self) -> None:
        policy = Policy(window=(Span(NOW + timedelta(hours=1), NOW + timedelta(hours=2)),))
        decision = decide(facts(*DRIVER), policy, now=NOW)
        assert (decision.action, codes(decision)[-1]) == ("defer", "outside_window")
        assert decision.not_before == NOW + timedelta(hours=1)

    def test_in_one_of_two_windows(self) -> None:
        windows = (
            Span(NOW + timedelta(hours=1), NOW + timedelta(hours=2)),
            Span(NOW - timedelta(hours=1), NOW + timedelta(hours=1)),
        )
        assert decide(facts(*DRIVER), Policy(window=windows), now=NOW).action == "reboot"

    def test_a_window_ends_at_its_end(self) -> None:
        policy = Policy(window=(Span(NOW - timedelta(hours=1), NOW),))
        decision = decide(facts(*DRIVER), policy, now=NOW)
        assert (decision.action, decision.not_before) == ("defer", None)
        assert decision.because[-1].message == "the maintenance window never opens again"

    def test_too_short_an_uptime(self) -> None:
        decision = decide(facts(*DRIVER), Policy(min_uptime=timedelta(hours=4)), now=NOW)
        assert (decision.action, codes(decision)[-1]) == ("defer", "uptime_too_short")
        assert decision.not_before == BOOT + timedelta(hours=4)
        assert decide(facts(*DRIVER), Policy(min_uptime=timedelta(hours=3)), now=NOW).action == "reboot"

    def test_an_unknown_uptime_blocks(self) -> None:
        decision = decide(facts(*DRIVER, boot=None), Policy(min_uptime=timedelta(hours=4)), now=NOW)
        assert (decision.action, codes(decision)[-1]) == ("blocked", "boot_time_unknown")

    def test_nothing_pending_needs_no_window(self) -> None:
        policy = Policy(window=(Span(NOW + timedelta(hours=1), NOW + timedelta(hours=2)),))
        assert decide(facts(), policy, now=NOW).action == "none"


class TestBadInput:
    @pytest.mark.parametrize(
        ("wrong", "message"),
        [
            ({}, "facts: are no facts of schema 1 (use --format json to make them)"),
            ({"schema": 2, "sources": {}}, "facts: are no facts of schema 1 (use --format json to make them)"),
            ({"schema": True, "sources": {}}, "facts: are no facts of schema 1 (use --format json to make them)"),
            ({"schema": 1, "sources": {}}, "facts: have no source, so nothing is known"),
            (
                {
                    "schema": 1,
                    "sources": {"intune": {"state": "clear"}},
                    "last_reboot": {"time": "9999-12-31T00:00:00Z"},
                },
                "facts.last_reboot.time: 9999-12-31T00:00:00Z lies in the future",
            ),
            ({"schema": 1, "sources": {"intune": {"state": "maybe"}}}, "facts.sources.intune: has no state"),
            ({"schema": 1, "sources": {"intune": 7}}, "facts.sources.intune: has no state"),
            (
                {"schema": 1, "sources": {"intune": {"state": "clear"}}, "last_reboot": {"time": "yesterday"}},
                "facts.last_reboot.time: 'yesterday' is no ISO 8601 time (write 2026-11-22T22:00:00Z)",
            ),
        ],
    )
    def test_facts(self, wrong: dict[str, object], message: str) -> None:
        with pytest.raises(InputError) as caught:
            decide(wrong, now=NOW)
        assert str(caught.value) == message

    def test_history(self) -> None:
        with pytest.raises(InputError, match=r"^history\[0\]: is no decision$"):
            decide(facts(), history=[{}], now=NOW)

    def test_a_policy_that_leaves_out_everything(self) -> None:
        with pytest.raises(InputError, match=r"^policy: leaves out every source of the facts"):
            decide(facts(*DRIVER), Policy(skip_sources=SOURCES), now=NOW)

    def test_now_without_a_time_zone(self) -> None:
        with pytest.raises(InputError, match=r"^now: has no time zone$"):
            decide(facts(), now=datetime(2026, 1, 1))

    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(max_size=5),
            lambda inner: (
                st.lists(inner, max_size=3)
                | st.dictionaries(
                    st.sampled_from(
                        [
                            "schema",
                            "sources",
                            "pending_file_rename",
                            "state",
                            "digest",
                            "file_operations",
                            "last_reboot",
                            "time",
                        ]
                    ),
                    inner | st.just(1) | st.sampled_from(["pending", "unknown"]),
                    max_size=6,
                )
            ),
            max_leaves=20,
        )
    )
    def test_anything_is_decided_or_refused(self, anything: Any) -> None:
        for given_facts in (
            anything,
            {"schema": 1, "sources": {"pending_file_rename": {"state": "pending"}}, "file_operations": anything},
        ):
            try:
                decide(given_facts, Policy(ignore=("x",)), now=NOW)
            except InputError:
                continue
