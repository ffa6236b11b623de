# SPDX-License-Identifier: Apache-2.0
"""Hosts that are rebooted over WS-Management, for the core's waves: gated, and verified by their boot time."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from pending_reboot import (
    Decision,
    Facts,
    History,
    InputError,
    Patch,
    PatchState,
    Policy,
    decide,
    facts_from,
    patch_states,
)
from pending_reboot.history import of_host
from pending_reboot.probes import BOOT_TIME
from pending_reboot.readers.wsman import WsmanReader
from pending_reboot_wire.carriers import Deadline, carrier
from pending_reboot_wire.target import Target

_THREADS: Final = 32
#: Seconds that one host may take for all its answers.
_DEADLINE: Final = 60

Answer = Mapping[str, Any] | str


class WsmanFleet:
    """Reaches hosts over WS-Management. Satisfies `rollout.Fleet`."""

    def __init__(
        self,
        targets: Iterable[Target],
        policy: Policy,
        history: History | None = None,
        *,
        backend: str = "pypsrp",
        record: bool = True,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Decide by `policy` and `history`.

        Args:
            targets: the hosts.
            policy: what may be rebooted, and when.
            history: earlier decisions; each new one is kept there with `record`.
            backend: the client library.
            record: keep decisions.
            facts: what `facts_from` takes.
        """
        self._targets = {target.name: target for target in targets}
        self._policy = policy
        self._history = history
        self._backend = backend
        self._record = record
        self._facts = dict(facts or {})

    def ping(self, names: Sequence[str], seconds: float) -> dict[str, Answer]:
        """Ask whether they are there."""

        def ask(name: str) -> Answer | None:
            reader = self._reader(name, seconds)
            reader.probe(BOOT_TIME)
            if reader.lost is None:
                return {}
            # Who refuses is there, and of no use.
            return reader.lost.message if reader.lost.kind == "denied" else None

        return self._each(names, ask)

    def prepare(self, names: Sequence[str]) -> dict[str, Answer]:
        """Return that they are prepared: there is nothing to do."""
        return {name: {} for name in names}

    def decide(self, names: Sequence[str]) -> dict[str, Answer]:
        """Ask each for its facts, and decide."""
        decisions = self._decided(names)
        kept = [each for each in decisions.values() if each.action != "reboot"]
        if self._history and self._record:
            self._history.record(kept)
        return {name: decision.to_dict() for name, decision in decisions.items()}

    def reboot(self, names: Sequence[str]) -> dict[str, Answer]:
        """Decide once more, and have those reboot whose gate says so."""
        decisions = self._decided(names)
        if self._history:
            self._history.record(decisions.values())  # first: a reboot that nobody remembers could be ordered for ever

        def order(name: str) -> Answer | None:
            decision = decisions[name]
            if decision.action != "reboot":
                return {"decision": decision.to_dict(), "requested": False}
            refusal = self._reader(name).reboot()
            if refusal is None:
                return {"decision": decision.to_dict(), "requested": True}
            # A host may go down before its answer gets out; then its boot time tells.
            return refusal.message if refusal.kind == "denied" or refusal.code is not None else None

        return self._each(list(decisions), order)

    def health(self, names: Sequence[str]) -> dict[str, Answer]:
        """Return that they are healthy: that they answered is all that is asked."""
        return {name: {} for name in names}

    def finish(self, names: Sequence[str]) -> None:
        """Do nothing."""

    def facts(self, names: Sequence[str]) -> dict[str, Facts]:
        """Return the facts of each host."""

        def ask(name: str) -> Facts:
            return facts_from(self._reader(name), **self._facts)._replace(host=name)

        return self._each(names, ask)

    def _decided(self, names: Sequence[str]) -> dict[str, Decision]:
        before = self._history.decisions() if self._history else []
        decisions = {}
        for name, facts in self.facts(names).items():
            decisions[name] = decide(facts, self._policy, of_host(before, name, alone=False))
        return decisions

    def _reader(self, name: str, seconds: float | None = None) -> WsmanReader:
        target = self._targets[name]
        if seconds is not None:
            target = replace(target, connect_timeout=min(seconds, target.connect_timeout), read_timeout=seconds)
        return WsmanReader(Deadline(carrier(target, self._backend), _DEADLINE))

    def _each(self, names: Sequence[str], ask: Callable[[str], Any]) -> dict[str, Any]:
        """Return what each host answers; None is left out."""
        unknown = sorted(set(names) - self._targets.keys())
        if unknown:
            raise InputError("is no host of this fleet", where=unknown[0])
        return {name: answer for name, answer in _side_by_side(names, ask).items() if answer is not None}


def patch_states_of(
    targets: Sequence[Target], patches: Sequence[Patch], *, backend: str = "pypsrp"
) -> dict[str, list[PatchState]]:
    """Return the state of each patch on each host, by its name.

    Raises:
        InputError: a target cannot be used, or the library is not installed.
    """
    carriers = {target.name: carrier(target, backend) for target in targets}
    return _side_by_side(
        list(carriers), lambda name: patch_states(WsmanReader(Deadline(carriers[name], _DEADLINE)), patches)
    )


def _side_by_side(names: Sequence[str], ask: Callable[[str], Any]) -> dict[str, Any]:
    """Return what each name gives. Threads do not keep the process from ending when it is interrupted.

    Raises:
        Exception: the first that any of them raised.
    """
    work: queue.SimpleQueue[str] = queue.SimpleQueue()
    for name in names:
        work.put(name)
    found: dict[str, Any] = {}
    errors: list[Exception] = []

    def serve() -> None:
        while not work.empty():
            try:
                name = work.get_nowait()
                found[name] = ask(name)
            except queue.Empty:
                return
            except Exception as error:  # raised again in the caller's thread
                errors.append(error)

    threads = [threading.Thread(target=serve, daemon=True) for _ in range(min(_THREADS, len(names)))]
    for thread in threads:
        thread.start()
    for thread in threads:
        while thread.is_alive():
            thread.join(0.2)
    if errors:
        raise errors[0]
    return {name: found[name] for name in names}
