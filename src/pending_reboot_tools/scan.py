# SPDX-License-Identifier: Apache-2.0
"""Reading many hosts over WS-Management: processes times threads, a deadline for each host, results as they come.

Every host gets a result. One that cannot be reached, breaks off or takes too long is *unknown* with the reason, and
what it told before counts. Client libraries are bound by the processor, so several processes share the work.
"""

from __future__ import annotations

import multiprocessing
import os
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from pending_reboot import InputError, facts_from
from pending_reboot.readers.wsman import WsmanReader
from pending_reboot.registry import Absent, Capabilities, KeyQuery, Unreadable
from pending_reboot_wire.carriers import Deadline, carrier
from pending_reboot_wire.target import Target

#: Seconds between two looks at what is under way.
_TICK: Final = 0.05
#: Seconds that a host may take beyond its deadline, for a request that is under way.
_GRACE: Final = 2


class Outcome(NamedTuple):
    """What came of one host."""

    name: str
    #: The facts, `host` being the name that the user gave.
    facts: dict[str, Any]
    seconds: float
    requests: int


@dataclass(frozen=True)
class Settings:
    """How hosts are read."""

    backend: str = "pypsrp"
    #: Hosts at the same time, in each process.
    threads: int = 32
    processes: int = 1
    #: Seconds for one host.
    deadline: float = 60
    #: What `facts_from` takes.
    facts: Mapping[str, Any] = field(default_factory=dict)


class _Silent:
    """A host of which nothing is known. Satisfies `registry.Reader`."""

    name = "wsman"
    capabilities = Capabilities()
    warnings: tuple[str, ...] = ()

    def __init__(self, why: str) -> None:
        self._why = Unreadable("failed", None, why)

    def read(self, _query: KeyQuery) -> Unreadable:
        return self._why

    def probe(self, _name: str) -> Mapping[str, object] | Absent | Unreadable:
        return self._why


def read_host(target: Target, settings: Settings) -> Outcome:
    """Return what one host says. Never raises for what the host does."""
    started = time.monotonic()
    reader = WsmanReader(Deadline(carrier(target, settings.backend), settings.deadline))
    found = facts_from(reader, **settings.facts)
    return Outcome(target.name, _named(found, target.name), time.monotonic() - started, reader.requests)


def _named(found: Any, name: str) -> dict[str, Any]:
    facts: dict[str, Any] = found._replace(host=name).to_dict()
    return facts


def _given_up(target: Target, settings: Settings, why: str) -> Outcome:
    return Outcome(target.name, _named(facts_from(_Silent(why), **settings.facts), target.name), settings.deadline, 0)


def scan(targets: Sequence[Target], settings: Settings) -> Iterator[Outcome]:
    """Yield the outcome of each target as it comes, each once.

    Raises:
        InputError: a target or a setting cannot be used, or the library is not installed; before anything is sent.
    """
    facts_from(_Silent(""), **settings.facts)
    for target in targets:
        carrier(target, settings.backend)
    number = max(1, min(settings.processes, len(targets)))
    if number == 1:
        yield from _in_threads(iter(targets), settings)
        return
    yield from _in_processes(targets, settings, number)


def _in_threads(targets: Iterator[Target], settings: Settings) -> Iterator[Outcome]:
    """Yield outcomes; a host that holds its thread longer than it may is given up, and its thread left behind."""
    done: queue.SimpleQueue[tuple[int, Outcome]] = queue.SimpleQueue()
    running: dict[int, tuple[Target, float]] = {}
    number, left = 0, True
    while left or running:
        while left and len(running) < settings.threads:
            target = next(targets, None)
            if target is None:
                left = False
                break
            number += 1
            running[number] = (target, time.monotonic() + settings.deadline + target.read_timeout + _GRACE)
            threading.Thread(target=_work, args=(number, target, settings, done), daemon=True).start()
        if not running:
            break
        try:
            key, outcome = done.get(timeout=_TICK)
        except queue.Empty:
            now = time.monotonic()
            for key in [key for key, (_, ends) in running.items() if now > ends]:
                target, _ = running.pop(key)
                yield _given_up(target, settings, f"held the connection open beyond {settings.deadline:g} seconds")
            continue
        if running.pop(key, None) is not None:
            yield outcome


def _work(number: int, target: Target, settings: Settings, done: queue.SimpleQueue[tuple[int, Outcome]]) -> None:
    try:
        outcome = read_host(target, settings)
    except Exception as error:  # a host without a result is worse than one with an ugly reason
        outcome = _given_up(target, settings, f"could not be read ({type(error).__name__})")
    done.put((number, outcome))


def _in_processes(targets: Sequence[Target], settings: Settings, number: int) -> Iterator[Outcome]:
    context = multiprocessing.get_context("spawn")
    work: Any = context.Queue()
    done: Any = context.Queue()
    for target in targets:
        work.put(target)
    for _ in range(number):
        work.put(None)
    processes = [context.Process(target=_process, args=(work, done, settings), daemon=True) for _ in range(number)]
    for process in processes:
        process.start()
    waiting = {target.name: target for target in targets}
    try:
        while waiting:
            try:
                outcome = done.get(timeout=1)
            except queue.Empty:
                if any(process.is_alive() for process in processes):
                    continue
                for target in waiting.values():
                    yield _given_up(target, settings, "could not be read: the process that read it ended")
                return
            if waiting.pop(outcome.name, None) is not None:
                yield outcome
    finally:
        for process in processes:
            process.terminate()


def _process(work: Any, done: Any, settings: Settings) -> None:
    parent = os.getppid()
    try:
        for outcome in _in_threads(iter(work.get, None), settings):
            done.put(outcome)
            if os.getppid() != parent:
                return  # nobody waits for it any more
    except KeyboardInterrupt:
        return
    done.close()
    done.join_thread()


def unique(targets: Sequence[Target]) -> list[Target]:
    """Return the targets, each name once.

    Raises:
        InputError: one name stands for different hosts.
    """
    found: dict[str, Target] = {}
    for target in targets:
        known = found.setdefault(target.name, target)
        if known != target:
            raise InputError("stands for two hosts", where=target.name)
    return list(found.values())
