# SPDX-License-Identifier: Apache-2.0
"""Waves of reboots, on machines that behave well and badly; no time passes but the simulated one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from pending_reboot import InputError
from pending_reboot.registry import iso
from pending_reboot.rollout import Rollout, waves

START = datetime(2026, 11, 23, 4, 0, tzinfo=timezone.utc)
UP_SINCE = START - timedelta(days=3)


@dataclass
class Machine:
    """How one machine behaves; times are seconds."""

    action: str = "reboot"
    #: Until it goes down after the order, and how long it is away; None: for ever.
    down_after: float = 20
    away: float | None = 60
    #: Seconds after its return until nothing waits any more; None: never.
    settles: float | None = 0
    heals: float | None = 0
    #: Answers the question for its presence, the preparation, the order.
    pings: bool = True
    prepares: str = ""
    takes_order: bool = True
    answers_order: bool = True
    knows_boot: bool = True
    #: Its decision when it is told to reboot, when that is another one than a moment before.
    changes_its_mind: str = ""
    #: By how many seconds its boot time is another one after the order.
    correction: int = 0
    ordered: float | None = None


@dataclass
class Simulated:
    """A fleet on a clock of its own. Satisfies `rollout.Fleet`."""

    machines: dict[str, Machine]
    now: float = 0
    calls: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def _each(self, call: str, names: Sequence[str], answer: Callable[[Machine], Any]) -> dict[str, Any]:
        self.calls.append((call, tuple(names)))
        self.now += 1
        found = {name: answer(self.machines[name]) for name in names}
        return {name: each for name, each in found.items() if each is not None}

    def _back(self, machine: Machine) -> float | None:
        """When it was back after the order, None when it was not told, or never is."""
        if machine.ordered is None or machine.away is None:
            return None
        return machine.ordered + machine.down_after + machine.away

    def _up(self, machine: Machine) -> bool:
        down = machine.ordered is not None and self.now >= machine.ordered + machine.down_after
        back = self._back(machine)
        return not down or (back is not None and self.now >= back)

    def ping(self, names: Sequence[str], seconds: float) -> Mapping[str, Any]:
        return self._each("ping", names, lambda machine: {} if machine.pings and self._up(machine) else None)

    def prepare(self, names: Sequence[str]) -> Mapping[str, Any]:
        return self._each("prepare", names, lambda machine: machine.prepares or {})

    def reboot(self, names: Sequence[str]) -> Mapping[str, Any]:
        def answer(machine: Machine) -> Any:
            if not machine.takes_order:
                return None
            action = machine.changes_its_mind or machine.action
            machine.ordered = self.now if action == "reboot" else None
            decision = decided(action, iso(UP_SINCE))
            return {"decision": decision, "requested": action == "reboot"} if machine.answers_order else None

        return self._each("reboot", names, answer)

    def decide(self, names: Sequence[str]) -> Mapping[str, Any]:
        def answer(machine: Machine) -> Any:
            assert self._up(machine), "only those that are there are asked"
            back = self._back(machine)
            if back is None or self.now < back:
                boot = iso(UP_SINCE + timedelta(seconds=machine.correction if machine.ordered is not None else 0))
                return decided(machine.action, boot if machine.knows_boot else None)
            clear = machine.settles is not None and self.now >= back + machine.settles
            return decided("none" if clear else "blocked", iso(START + timedelta(seconds=back)))

        return self._each("decide", names, answer)

    def health(self, names: Sequence[str]) -> Mapping[str, Any]:
        def answer(machine: Machine) -> Any:
            back = self._back(machine)
            assert back is not None
            healthy = machine.heals is not None and self.now >= back + machine.heals
            return {} if healthy else "service W3SVC is stopped"

        return self._each("health", names, answer)

    def finish(self, names: Sequence[str]) -> None:
        self.calls.append(("finish", tuple(names)))


def decided(action: str, boot: str | None) -> dict[str, Any]:
    return {"action": action, "boot_time": boot, "because": [{"code": "c", "message": f"reason for {action}"}]}


def run(machines: dict[str, Machine], plan: list[list[str]], **limits: Any) -> tuple[Simulated, dict[str, Any]]:
    fleet = Simulated(machines)
    rollout = Rollout(fleet, clock=lambda: fleet.now, sleep=fleet.sleep, tell=fleet.told.append, **limits)
    return fleet, {name: result.to_dict() for name, result in rollout.run(plan).items()}


def outcome(machine: Machine, **limits: Any) -> tuple[str, str]:
    _, results = run({"a": machine}, [["a"]], **limits)
    return results["a"]["outcome"], results["a"]["comment"]


class TestOneMachine:
    def test_it_comes_back_clear(self) -> None:
        assert outcome(Machine())[0] == "rebooted"

    def test_it_settles_and_heals_in_time(self) -> None:
        assert outcome(Machine(settles=200, heals=250))[0] == "rebooted"

    @pytest.mark.parametrize(
        ("action", "expected"), [("none", "not_needed"), ("defer", "deferred"), ("blocked", "blocked")]
    )
    def test_it_decides_otherwise(self, action: str, expected: str) -> None:
        assert outcome(Machine(action)) == (expected, f"reason for {action}")

    @pytest.mark.parametrize(
        ("machine", "says"),
        [
            (Machine(away=None), "did not come back within 1800 seconds"),
            (Machine(down_after=99999), "did not reboot: it is up since 2026-11-20T04:00:00Z"),
            (Machine(settles=None), "is back, but is blocked: reason for blocked"),
            (Machine(heals=None), "is back, but unhealthy: service W3SVC is stopped"),
            (Machine(takes_order=False), "did not reboot: it is up since 2026-11-20T04:00:00Z"),
            (Machine(prepares="the patch failed"), "the patch failed"),
        ],
    )
    def test_it_fails(self, machine: Machine, says: str) -> None:
        found, comment = outcome(machine)
        assert found == "failed"
        assert says in comment

    def test_one_that_is_back_late_still_has_its_time_to_settle(self) -> None:
        assert outcome(Machine(away=1700, settles=150))[0] == "rebooted"
        assert outcome(Machine(away=1700, settles=400))[0] == "failed"

    def test_a_lost_answer_to_the_order_is_no_failure(self) -> None:
        assert outcome(Machine(answers_order=False))[0] == "rebooted"

    def test_one_that_decides_otherwise_in_the_last_moment(self) -> None:
        assert outcome(Machine(changes_its_mind="defer")) == ("deferred", "reason for defer")

    def test_one_that_could_not_be_verified_is_not_told_to_reboot(self) -> None:
        fleet, results = run({"a": Machine(knows_boot=False)}, [["a"]])
        assert results["a"]["outcome"] == "failed"
        assert "is not rebooted: its boot time is not known" in results["a"]["comment"]
        assert ("reboot", ("a",)) not in fleet.calls

    def test_nobody_is_told_to_reboot_in_test_mode(self) -> None:
        fleet, results = run({"a": Machine(), "b": Machine("none")}, [["a", "b"]], test=True)
        assert [each["outcome"] for each in results.values()] == ["would_reboot", "not_needed"]
        assert "reboot" not in [call for call, _ in fleet.calls]

    def test_one_that_is_away_is_not_told_to_reboot(self) -> None:
        fleet, results = run({"a": Machine(pings=False)}, [["a"]])
        assert results["a"]["outcome"] == "unreachable"
        assert ("reboot", ("a",)) not in fleet.calls

    def test_one_whose_preparation_failed_is_not_told_to_reboot(self) -> None:
        fleet, _ = run({"a": Machine(prepares="no")}, [["a"]])
        assert ("reboot", ("a",)) not in fleet.calls

    def test_a_clock_correction_is_no_reboot(self) -> None:
        found, comment = outcome(Machine(down_after=99999, correction=8))
        assert (found, comment) == ("failed", "did not reboot: it is up since 2026-11-20T04:00:08Z")

    def test_one_that_is_never_settled_does_not_hold_the_wave_up_for_the_whole_time(self) -> None:
        fleet, _ = run({"a": Machine(settles=None)}, [["a"]], settle=100)
        assert 180 <= fleet.now < 260


class TestWaves:
    def test_a_failed_wave_stops_the_later_ones(self) -> None:
        machines = {name: Machine() for name in "abcdef"} | {"c": Machine(away=None), "d": Machine(settles=None)}
        fleet, results = run(machines, [["a"], ["b", "c", "d"], ["e"], ["f"]])
        assert {name: result["outcome"] for name, result in results.items()} == {
            "a": "rebooted",
            "b": "rebooted",
            "c": "failed",
            "d": "failed",
            "e": "not_started",
            "f": "not_started",
        }
        assert results["e"]["comment"] == "an earlier wave failed: c, d"
        asked = {name for _, names in fleet.calls for name in names}
        assert asked == set("abcd"), "nobody else is spoken to"

    def test_failures_that_are_allowed(self) -> None:
        machines = {"a": Machine(away=None), "b": Machine(), "c": Machine(away=None), "d": Machine()}
        _, results = run(machines, [["a"], ["b"], ["c"], ["d"]], max_failures=1)
        assert [each["outcome"] for each in results.values()] == ["failed", "rebooted", "failed", "not_started"]

    def test_blocked_and_unreachable_ones_do_not_stop_the_others(self) -> None:
        machines = {"a": Machine("blocked"), "b": Machine(pings=False), "c": Machine()}
        _, results = run(machines, [["a"], ["b"], ["c"]])
        assert [each["outcome"] for each in results.values()] == ["blocked", "unreachable", "rebooted"]

    def test_each_machine_is_reported_once(self) -> None:
        fleet, results = run({"a": Machine(), "b": Machine()}, [["a", "a"], ["b", "a"]])
        assert list(results) == ["a", "b"]
        assert [names for call, names in fleet.calls if call == "reboot"] == [("a",), ("b",)]
        assert len([text for text in fleet.told if text.startswith("a: ")]) == 1

    def test_what_was_touched_and_is_there_is_finished(self) -> None:
        machines = {"a": Machine(), "b": Machine("none"), "c": Machine(settles=None), "d": Machine(away=None)}
        fleet, _ = run(machines, [["a", "b", "c", "d"]])
        assert [names for call, names in fleet.calls if call == "finish"] == [("a", "c")]

    def test_nothing_to_do(self) -> None:
        assert run({}, [])[1] == {}
        assert run({}, [[]])[1] == {}


class TestSizes:
    @pytest.mark.parametrize(
        ("batch", "expected"),
        [
            (1, [1] * 8),
            ("3", [3, 3, 2]),
            ("25%", [2] * 4),
            ("1%", [1] * 8),
            ("100%", [8]),
            ([1, 3, "100%"], [1, 3, 4]),
            ("1,3,100%", [1, 3, 4]),
            ([1, 2], [1, 2, 2, 2, 1]),
            (99, [8]),
        ],
    )
    def test_sizes(self, batch: object, expected: list[int]) -> None:
        names = [f"web{number}" for number in range(8)]
        found = waves(names, batch)
        assert [len(wave) for wave in found] == expected
        assert [name for wave in found for name in wave] == names

    def test_names_that_come_twice(self) -> None:
        assert waves(["a", "b", "a"], 2) == [["a", "b"]]

    def test_nobody(self) -> None:
        assert waves([], 5) == []

    @pytest.mark.parametrize("batch", [0, -1, "0", "x", "", "101%", "1.5", None, True, [], [1, "x"], "٣"])
    def test_what_is_no_size(self, batch: object) -> None:
        with pytest.raises(InputError, match=r"^batch: .* is no size of a wave"):
            waves(["a"], batch)

    @pytest.mark.parametrize(
        ("name", "value"),
        [("timeout", -1), ("settle", "10"), ("poll", float("nan")), ("max_failures", None), ("timeout", True)],
    )
    def test_limits_that_are_none(self, name: str, value: object) -> None:
        with pytest.raises(InputError, match=rf"^{name}: .* cannot be used"):
            run({}, [], **{name: value})
