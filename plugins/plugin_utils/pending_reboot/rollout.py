# SPDX-License-Identifier: Apache-2.0
"""Rebooting many machines in waves: each wave is verified before the next one starts.

Verified means: the machine answers again, its boot time has changed, the gate finds nothing left to do, and it is
healthy. That is asked again and again until a deadline, because an event such as "the agent has started" is missed by
who listens too late, and is no proof of a reboot. How machines are reached is the front end's (`Fleet`).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, Protocol

from .errors import InputError
from .gate import boot_changed
from .policy import parse_time
from .text import listed

Outcome = Literal[
    "rebooted", "would_reboot", "not_needed", "deferred", "blocked", "unreachable", "failed", "not_started"
]

#: What a machine answers: plain data, or a text that says what went wrong. One that does not answer is left out.
Answers = Mapping[str, "Mapping[str, Any] | str"]

#: What is wrong with a machine after its reboot, by the action that its gate decides then.
STILL: Final = {
    "none": "its health is not known",
    "reboot": "waits for a reboot again",
    "defer": "still waits for a reboot, which is deferred",
    "blocked": "is blocked",
}

_OUTCOMES: Final[Mapping[str, Outcome]] = {"none": "not_needed", "defer": "deferred", "blocked": "blocked"}


class Fleet(Protocol):
    """How machines are reached. Only `ping` is asked of machines that may be away."""

    def ping(self, names: Sequence[str], seconds: float) -> Answers:
        """Ask whether they are there; who is silent for so long is not."""

    def prepare(self, names: Sequence[str]) -> Answers:
        """Do what has to be done before the reboot; a text is a failure."""

    def decide(self, names: Sequence[str]) -> Answers:
        """Ask each for its decision (`Decision.to_dict`), without acting on it."""

    def reboot(self, names: Sequence[str]) -> Answers:
        """Have each decide once more and reboot; returns `{"decision": {...}, "requested": bool}`."""

    def health(self, names: Sequence[str]) -> Answers:
        """Ask whether they do their work again; a text is what is wrong."""

    def finish(self, names: Sequence[str]) -> object:
        """Is called when a wave is over, with those that were told to reboot and were there when last asked."""


class Result(NamedTuple):
    """What became of one machine."""

    outcome: Outcome
    comment: str

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON types."""
        return {"outcome": self.outcome, "comment": self.comment}


def waves(names: Sequence[str], batch: object) -> list[list[str]]:
    """Return `names` in waves, each name once.

    Args:
        names: the machines, in the order in which they come.
        batch: how many a wave has: a number, a percentage of all (`10%`), or a list of these of which the last one
            repeats (`[1, 3, "100%"]`), also as comma-separated text. A wave has at least one machine.

    Raises:
        InputError: `batch` is none of these.
    """
    left = list(dict.fromkeys(names))
    given = batch if isinstance(batch, (list, tuple)) else str(batch).split(",")
    sizes = [_size(each, len(left)) for each in given or [None]]
    found = []
    while left:
        size = sizes.pop(0) if len(sizes) > 1 else sizes[0]
        found.append(left[:size])
        left = left[size:]
    return found


def _size(written: object, total: int) -> int:
    match = None if isinstance(written, bool) else re.fullmatch(r"\s*(\d{1,9})\s*(%?)\s*", str(written), re.ASCII)
    number = int(match[1]) if match else 0
    if match is None or not number or (match[2] and number > 100):
        raise InputError(f"{written!r} is no size of a wave", where="batch", hint="write 5, 10% or a list of these")
    return max(1, total * number // 100) if match[2] else number


@dataclass
class Rollout:
    """How waves are run."""

    fleet: Fleet
    #: Seconds from the order to reboot until a machine must be back.
    timeout: float = 1800
    #: Seconds a machine that is back has until nothing is pending any more and it is healthy.
    settle: float = 300
    #: Seconds between two questions.
    poll: float = 10
    #: Seconds a machine has to tell that it is there.
    answer: float = 15
    #: How many machines may fail before no further wave starts.
    max_failures: int = 0
    #: Only find out what would be done.
    test: bool = False
    #: Is told what happens, one sentence each time.
    tell: Callable[[str], None] = lambda _text: None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def __post_init__(self) -> None:
        """Refuse limits that are none."""
        for name, least in (("timeout", 0), ("settle", 0), ("poll", 0), ("answer", 1), ("max_failures", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not least <= value <= 7 * 86400:
                raise InputError(f"{value!r} cannot be used", where=name, hint="give a number, at most a week")

    def run(self, plan: Sequence[Sequence[str]]) -> dict[str, Result]:
        """Run wave after wave until too many machines have failed; return what became of each machine, each once."""
        results: dict[str, Result] = {}
        for number, names in enumerate(plan, 1):
            fresh = [name for name in dict.fromkeys(names) if name not in results]
            failed = [name for name, result in results.items() if result.outcome == "failed"]
            if len(failed) > self.max_failures:
                why = f"an earlier wave failed: {listed(failed)}"
                results |= {name: Result("not_started", why) for name in fresh}
                continue
            self.tell(f"wave {number} of {len(plan)}: {listed(fresh, 10)}")
            results |= self.wave(fresh)
        return results

    def wave(self, names: Sequence[str]) -> dict[str, Result]:
        """Reboot those machines that decide to, and verify them; return what became of each machine."""
        return _Wave(self, tuple(dict.fromkeys(names))).run()


@dataclass
class _Waiting:
    """A machine that was told to reboot."""

    boot: datetime
    #: When it was seen again, on our clock.
    back: float | None = None
    #: What is wrong with it so far.
    problem: str = ""


@dataclass
class _Wave:
    rollout: Rollout
    names: tuple[str, ...]
    results: dict[str, Result] = field(default_factory=dict)
    waiting: dict[str, _Waiting] = field(default_factory=dict)
    #: Those that were told to reboot and answered when they were last asked.
    there: set[str] = field(default_factory=set)

    def run(self) -> dict[str, Result]:
        fleet = self.rollout.fleet
        there = self._those("unreachable", "gives no answer", self.names, fleet.ping(self.names, self.rollout.answer))
        ready = self._those("failed", "gave no answer while it was prepared", there, fleet.prepare(there))
        self._order(ready)
        deadline = self.rollout.clock() + self.rollout.timeout
        # Who is back in time has the time to settle besides.
        while any(state.back is not None or self.rollout.clock() < deadline for state in self.waiting.values()):
            self.rollout.sleep(self.rollout.poll)
            self._look()
        for name, state in list(self.waiting.items()):
            limit = f"within {self.rollout.timeout:g} seconds"
            self._end(name, "failed", state.problem or f"did not come back {limit}")
        fleet.finish([name for name in self.names if name in self.there])
        return {name: self.results[name] for name in self.names}

    def _those(self, outcome: Outcome, silent: str, asked: Sequence[str], answers: Answers) -> list[str]:
        """Return who answered and has no failure; the others have their result."""
        for name in asked:
            answer = answers.get(name, silent)
            if isinstance(answer, str):
                self._end(name, outcome, answer)
        return [name for name in asked if name not in self.results]

    def _order(self, names: Sequence[str]) -> None:
        """Have those reboot that decide to; one whose answer gets lost is watched like the others."""
        fleet = self.rollout.fleet
        answers = fleet.decide(names) if names else {}
        boots = {}
        for name in self._those("failed", "gave no answer when it was asked for its decision", names, answers):
            decision = answers[name]
            if isinstance(decision, str):
                raise AssertionError(decision)
            if not self._ended(name, decision):
                boots[name] = parse_time(decision["boot_time"], name)
        orders = fleet.reboot(list(boots)) if boots else {}
        for name, boot in boots.items():
            answer = orders.get(name)
            if isinstance(answer, str):
                self._end(name, "failed", answer)
            elif answer is None or answer["requested"] or not self._ended(name, answer["decision"]):
                self.waiting[name] = _Waiting(boot)
        if self.waiting:
            self.rollout.tell(f"told to reboot: {listed(list(self.waiting), 10)}")

    def _ended(self, name: str, decision: Mapping[str, Any]) -> bool:
        """Tell whether this decision is the end for the machine; it has its result then."""
        outcome = _OUTCOMES.get(decision["action"])
        if outcome is None and decision["boot_time"] is None:
            self._end(name, "failed", "is not rebooted: its boot time is not known, so it could not be verified")
        elif outcome or self.rollout.test:
            self._end(name, outcome or "would_reboot", _because(decision))
        return name in self.results

    def _look(self) -> None:
        """Ask those that are waited for once more."""
        fleet = self.rollout.fleet
        there = [*fleet.ping(list(self.waiting), self.rollout.answer)]
        self.there = self.there - self.waiting.keys() | set(there)
        answers = fleet.decide(there) if there else {}
        clear = [name for name, answer in self._booted(answers) if answer["action"] == "none"]
        ill = fleet.health(clear) if clear else {}
        for name in clear:
            answer = ill.get(name, "gave no answer when it was asked for its health")
            if isinstance(answer, str):
                self.waiting[name].problem = f"is back, but unhealthy: {answer}"
            else:
                self._end(name, "rebooted", "is back, its boot time has changed and nothing waits for a reboot")
        for name, state in list(self.waiting.items()):
            if state.back is not None and self.rollout.clock() - state.back >= self.rollout.settle:
                self._end(name, "failed", state.problem)

    def _booted(self, answers: Answers) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield those that have booted since, with their answer."""
        for name, state in self.waiting.items():
            answer = answers.get(name)
            if answer is None:
                state.problem = "was back, and answers no more" if state.back is not None else ""
                continue
            if isinstance(answer, str):
                state.problem = answer
                continue
            booted = answer["boot_time"] and parse_time(answer["boot_time"], name)
            if not boot_changed(state.boot, booted):
                state.problem = f"did not reboot: it is up since {answer['boot_time']}"
                continue
            if state.back is None:
                state.back = self.rollout.clock()
            state.problem = f"is back, but {STILL[answer['action']]}: {_because(answer)}"
            yield name, answer

    def _end(self, name: str, outcome: Outcome, comment: str) -> None:
        self.waiting.pop(name, None)
        self.results[name] = Result(outcome, comment)
        self.rollout.tell(f"{name}: {outcome}: {comment}")


def _because(decision: Mapping[str, Any]) -> str:
    return "; ".join(str(each["message"]) for each in decision["because"])
