# SPDX-License-Identifier: Apache-2.0
"""The gate: from facts, a policy and what was decided before to one of none, reboot, defer, blocked.

A reboot is never decided on a guess: what could not be read blocks unless the policy says otherwise. The loop breaker
compares what a reboot was meant to complete (source ids and evidence digests, no text) with what is pending now: when
everything that is pending now was pending before that reboot, with the same evidence, it did not help. Unless a day
later: a key that vanishes with each reboot and was written long after the last one is new, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from typing import Final, Literal, NamedTuple

from .errors import InputError
from .file_operations import ignoring
from .model import SCHEMA, WEIGHT_STATES, Facts, State, digest, worst
from .policy import Policy, parse_time
from .registry import iso
from .text import listed

Action = Literal["none", "reboot", "defer", "blocked"]

#: Clock corrections shift the boot time that Windows reports by seconds; a reboot shifts it by more than this.
BOOT_TIME_SLACK: Final = timedelta(seconds=10)
#: How far a machine's clock may be ahead of ours.
CLOCK_SLACK: Final = timedelta(days=1)
#: Sources whose keys vanish with each reboot.
_VANISHING: Final = frozenset({"windows_update", "component_based_servicing", "update_exe_volatile", "install_witness"})
#: What comes back after every reboot does so within this time after it.
_COMES_BACK: Final = timedelta(days=1)


def boot_changed(before: datetime, after: datetime | None) -> bool | None:
    """Return whether a machine that had started at `before` has started anew since; None when that is not known."""
    return None if after is None else after - before > BOOT_TIME_SLACK


class Because(NamedTuple):
    """One reason for a decision: a code for programs, a sentence for people."""

    code: str
    message: str

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {"code": self.code, "message": self.message}


@dataclass(frozen=True, slots=True)
class Decision:
    """What to do about a machine, and why. Keep every decision: they are the history of the next one."""

    action: Action
    because: tuple[Because, ...]
    at: datetime
    host: str | None = None
    #: Ids of the sources that ask for the reboot.
    reasons: tuple[str, ...] = ()
    #: Of what the reboot is meant to complete.
    digest: str | None = None
    #: The same by source.
    digests: Mapping[str, object] = field(default_factory=dict)
    boot_time: datetime | None = None
    #: For defer: when to ask again.
    not_before: datetime | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {
            "action": self.action,
            "because": [each.to_dict() for each in self.because],
            "at": iso(self.at),
            "host": self.host,
            "reasons": list(self.reasons),
            "digest": self.digest,
            "digests": dict(self.digests),
            "boot_time": iso(self.boot_time) if self.boot_time else None,
            "not_before": iso(self.not_before) if self.not_before else None,
        }


def decide(
    facts: Facts | Mapping[str, object],
    policy: Policy | Mapping[str, object] | None = None,
    history: Iterable[Mapping[str, object]] = (),
    now: datetime | None = None,
) -> Decision:
    """Decide whether the machine that `facts` describe is rebooted now.

    Args:
        facts: the facts, or their `to_dict()`.
        policy: what the user allows, or plain data for `Policy.from_dict`; the cautious default when not given.
        history: earlier decisions about this machine (`Decision.to_dict()`), in any order.
        now: the time of the decision, aware; the current time when not given.

    Raises:
        InputError: the facts, the policy or the history cannot be understood, or `now` has no time zone.
    """
    now = now or datetime.now(timezone.utc)
    if now.tzinfo is None:
        raise InputError("has no time zone", where="now")
    policy = policy if isinstance(policy, Policy) else Policy.from_dict(policy or {})
    case = _Case.of(facts.to_dict() if isinstance(facts, Facts) else facts, policy, now)
    past = sorted((_Record.of(entry, index) for index, entry in enumerate(history)), key=lambda record: record.at)
    return _Judge(case, policy, past, now).decision()


class _Case(NamedTuple):
    """What the facts say, as far as the policy counts it."""

    host: str | None
    boot: datetime | None
    states: Mapping[str, State]
    descriptions: Mapping[str, str]
    digests: Mapping[str, object]
    #: When the keys that say so were last written, where that is known.
    since: Mapping[str, datetime]
    strict: bool

    @classmethod
    def of(cls, facts: Mapping[str, object], policy: Policy, now: datetime) -> _Case:
        sources = facts.get("sources") if isinstance(facts, Mapping) else None
        schema = facts.get("schema") if isinstance(facts, Mapping) else None
        # To Python, true is 1.
        if not isinstance(sources, Mapping) or not isinstance(schema, int) or schema is True or schema != SCHEMA:
            raise InputError(f"are no facts of schema {SCHEMA}", where="facts", hint="use --format json to make them")
        if not sources:
            raise InputError("have no source, so nothing is known", where="facts")
        wanted = policy.sources or tuple(sources)
        states: dict[str, State] = {}
        descriptions: dict[str, str] = {}
        digests: dict[str, object] = {}
        since: dict[str, datetime] = {}
        for id_ in wanted:
            if id_ in policy.skip_sources:
                continue
            result = sources.get(id_, {"state": "unknown", "description": "is not in the facts"})
            if not isinstance(result, Mapping) or result.get("state") not in _STATES:
                raise InputError("has no state", where=f"facts.sources.{id_}")
            states[id_] = result["state"]
            descriptions[id_] = str(result.get("description", ""))
            digests[id_] = result.get("digest")
            if result.get("since"):
                since[id_] = parse_time(result["since"], f"facts.sources.{id_}.since")
            if id_ == _RENAMES:
                _apply_ignores(facts, policy, states, digests, result.get("error") is not None)
        if not states:
            raise InputError("leaves out every source of the facts, so nothing would be known", where="policy")
        boot = facts.get("last_reboot")
        time = boot.get("time") if isinstance(boot, Mapping) else None
        boot_time = parse_time(time, "facts.last_reboot.time") if time else None
        if boot_time and boot_time > now + CLOCK_SLACK:
            raise InputError(f"{iso(boot_time)} lies in the future", where="facts.last_reboot.time")
        host = facts.get("host")
        return cls(
            str(host) if host else None,
            boot_time,
            states,
            descriptions,
            digests,
            since,
            policy.strict or facts.get("strict") is True,
        )

    def having(self, *states: State) -> tuple[str, ...]:
        """Return the ids of the sources in one of `states`."""
        return tuple(id_ for id_, state in self.states.items() if state in states)


_STATES: Final = ("pending", "unknown", "advisory", "clear", "not_applicable")
_RENAMES: Final = "pending_file_rename"


def _apply_ignores(
    facts: Mapping[str, object], policy: Policy, states: dict[str, State], digests: dict[str, object], failed: bool
) -> None:
    """Judge the file operations again with the policy's own patterns; they can only take reasons away.

    `failed` says that a part of the operations could not be read: what is left is unknown then, not clear.
    """
    ignores = ignoring(policy.ignore)
    operations = facts.get("file_operations")
    if not ignores or not operations or states.get(_RENAMES) not in ("pending", "advisory"):
        return
    if not isinstance(operations, list) or not all(isinstance(each, Mapping) for each in operations):
        raise InputError("is no list of operations", where="facts.file_operations")
    left = [each for each in operations if not ignores(str(each.get("target") or each.get("source")))]
    told = [WEIGHT_STATES.get(str(each.get("weight")), "clear") for each in left]
    state = states[_RENAMES] = worst([*told, "unknown"] if failed else told)
    counted = "significant" if state == "pending" else "advisory"
    digests[_RENAMES] = digest([each.get("raw") for each in left if each.get("weight") == counted])


class _Record(NamedTuple):
    """An earlier decision."""

    action: str
    at: datetime
    digest: str | None
    #: Empty in what versions before 0.2 kept.
    digests: Mapping[str, object]
    boot: datetime | None

    @classmethod
    def of(cls, entry: Mapping[str, object], index: int) -> _Record:
        where = f"history[{index}]"
        if not isinstance(entry, Mapping) or not isinstance(entry.get("action"), str):
            raise InputError("is no decision", where=where)
        boot, mark, digests = entry.get("boot_time"), entry.get("digest"), entry.get("digests")
        return cls(
            str(entry["action"]),
            parse_time(entry.get("at"), f"{where}.at"),
            str(mark) if mark else None,
            digests if isinstance(digests, Mapping) else {},
            parse_time(boot, f"{where}.boot_time") if boot else None,
        )


@dataclass(slots=True)
class _Judge:
    case: _Case
    policy: Policy
    past: Sequence[_Record]
    now: datetime
    reasons: tuple[str, ...] = ()
    mark: str | None = None
    marks: Mapping[str, object] = field(default_factory=dict)
    because: list[Because] = field(default_factory=list)

    def decision(self) -> Decision:
        """Return the decision; the checks stand in the order in which they win."""
        if not self._wants_reboot():
            unknown = self.case.having("unknown")
            return self._decided("blocked" if unknown and self.policy.on_unknown == "block" else "none")
        self.marks = {id_: self.case.digests[id_] or self.case.states[id_] for id_ in self.reasons}
        self.mark = digest(self.marks)
        if self._in_a_loop() or self._too_many():
            return self._decided("blocked")
        if self.policy.min_uptime and self.case.boot is None:
            self._say("boot_time_unknown", "the policy asks for an uptime, but the last boot is not known")
            return self._decided("blocked")
        later = self._not_before()
        return self._decided("defer", later) if later else self._decided("reboot")

    def _wants_reboot(self) -> bool:
        case = self.case
        counted: tuple[State, ...] = ("pending", "advisory") if case.strict else ("pending",)
        self.reasons = case.having(*counted)
        for id_ in self.reasons:
            self._say(case.states[id_], f"{id_}: {case.descriptions[id_]}")
        unknown = case.having("unknown")
        for id_ in unknown:
            self._say("unknown", f"{id_}: {case.descriptions[id_]}")
        if not self.reasons and unknown and self.policy.on_unknown == "reboot":
            self.reasons = unknown
        if not self.reasons and not unknown:
            state = worst(case.states.values())
            text = "nothing waits for a reboot" if state != "advisory" else "only clean-up waits for the next boot"
            self._say("advisory_only" if state == "advisory" else "nothing_pending", text)
        return bool(self.reasons)

    def _in_a_loop(self) -> bool:
        """The same evidence after a reboot that happened is stuck; nothing gets a third identical reboot."""
        identical = 0
        began = self._began_anew()
        for record in reversed(self.past):
            if record.action == "none" or (record.action == "reboot" and not self._same(record)):
                break  # it was clear in between, or pending for something else
            if began and record.at < began:
                break  # and it was clear without anybody looking
            if record.action != "reboot":
                continue
            identical += 1
            boot = self.case.boot
            if boot and record.boot and boot_changed(record.boot, boot):
                self._say("stuck", f"the reboot of {iso(boot)} did not complete it: {listed(self.reasons)} as before")
                return True
        if identical >= 2:
            self._say("repeated", f"{identical} reboots were decided for the same evidence, and it is still there")
        return identical >= 2

    def _began_anew(self) -> datetime | None:
        """Return when all that is pending now came about, if that was so long after the boot that it cannot be old."""
        case = self.case
        if not case.boot or not all(id_ in _VANISHING and id_ in case.since for id_ in self.reasons):
            return None
        first = min(case.since[id_] for id_ in self.reasons)
        return first if first - case.boot > _COMES_BACK else None

    def _same(self, record: _Record) -> bool:
        """Tell whether all that is pending now was pending with the same evidence at that earlier decision."""
        known = record.digests
        return record.digest == self.mark or (
            bool(known) and all(known.get(id_) == it for id_, it in self.marks.items())
        )

    def _too_many(self) -> bool:
        since = self.now - self.policy.max_reboots_within
        number = sum(record.action == "reboot" and record.at > since for record in self.past)
        if number < self.policy.max_reboots:
            return False
        self._say(
            "too_many_reboots", f"{number} reboots since {iso(since)}, the policy allows {self.policy.max_reboots}"
        )
        return True

    def _not_before(self) -> datetime | None:
        """Return when the reboot may happen, None for now."""
        later = []
        if self.case.boot and self.policy.min_uptime and self.case.boot + self.policy.min_uptime > self.now:
            later.append(self.case.boot + self.policy.min_uptime)
            self._say(
                "uptime_too_short", f"up since {iso(self.case.boot)}, the policy asks for {self.policy.min_uptime}"
            )
        windows = self.policy.window
        if windows and not any(window.contains(self.now) for window in windows):
            starts = [start for window in windows if (start := window.next_start(self.now))]
            opens = f"opens at {iso(min(starts))}" if starts else "never opens again"
            self._say("outside_window", f"the maintenance window {opens}")
            later.append(min(starts) if starts else datetime.max.replace(tzinfo=timezone.utc))
        return max(later, default=None)

    def _say(self, code: str, message: str) -> None:
        self.because.append(Because(code, message))

    def _decided(self, action: Action, not_before: datetime | None = None) -> Decision:
        return Decision(
            action,
            tuple(self.because),
            self.now,
            self.case.host,
            self.reasons,
            self.mark,
            self.marks,
            self.case.boot,
            None if not_before is None or not_before.year == datetime.max.year else not_before,
        )
