# SPDX-License-Identifier: Apache-2.0
"""Simulated machines: what they are, how their network behaves, and what a reboot does to them."""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any, Final, Literal, get_args

from pending_reboot import InputError
from pending_reboot.duration import parse_duration
from pending_reboot.files import FileReader
from pending_reboot.fixture import boot
from pending_reboot.plain_data import flag, mapping
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.readers.snapshot import from_snapshot
from pending_reboot.readers.soap import BadAnswerError

from . import wmi
from .http import Account, Connection

Fault = Literal["refuse", "stall", "cut", "garbage", "quota", "denied", "error"]

_FIELDS: Final = frozenset({"machine", "latency", "fault", "after", "reboot"})
_REBOOT: Final = frozenset({"down", "lost", "ignored"})
_GARBAGE: Final = b"<html><body>504 Gateway Time-out</body></html>"
_QUOTA: Final = wmi.FaultError(
    "QuotaLimit",
    "The WS-Management service cannot process the request. The maximum number of concurrent operations for this user"
    " has been exceeded.",
    0x803381A6,
)


@dataclass(frozen=True)
class Behaviour:
    """How the network of one machine behaves, and its reboots."""

    #: Seconds that each answer takes.
    latency: float = 0
    #: What goes wrong.
    fault: Fault | None = None
    #: How many requests are answered before that.
    after: int = 0
    #: Seconds that it is away when it reboots.
    down: float = 2
    #: It does not come back from a reboot.
    lost: bool = False
    #: It accepts the order to reboot and does nothing.
    ignored: bool = False


@dataclass
class Machine:
    """One simulated machine."""

    name: str
    reader: FileReader
    behaviour: Behaviour = field(default_factory=Behaviour)
    #: Requests that it has answered or was asked.
    requests: int = 0
    reboots: int = 0
    _away_until: float = 0
    _tasks: set[asyncio.Task[Any]] = field(default_factory=set)
    #: Kept here, because the loop keeps no task alive.
    _restart: asyncio.Task[None] | None = None

    @property
    def away(self) -> bool:
        """Whether it is down."""
        return time.monotonic() < self._away_until

    async def serve(self, account: Account, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            if not self.away:
                await Connection(account, lambda message: self._answer(message, writer)).serve(reader, writer)
        except asyncio.CancelledError:
            pass  # it went down, or the simulator ends
        finally:
            self._tasks.discard(task)
            with contextlib.suppress(ConnectionError):
                writer.close()

    async def _answer(self, message: bytes, writer: asyncio.StreamWriter) -> tuple[int, bytes] | None:
        self.requests += 1
        await asyncio.sleep(self.behaviour.latency)
        fault = self.behaviour.fault if self.requests > self.behaviour.after else None
        if fault == "stall":
            await asyncio.Event().wait()
        if fault == "cut":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml\r\nContent-Length: 4096\r\n\r\n<s:Env")
            with contextlib.suppress(ConnectionError):
                await writer.drain()
            return None
        if fault == "garbage":
            return 200, _GARBAGE
        if fault == "quota":
            return 500, wmi.fault_envelope(_QUOTA, "")
        if fault == "denied":
            return 500, wmi.fault_envelope(wmi.FaultError("AccessDenied", "Access is denied. ", 5), "")
        if fault == "error":
            return 500, b""
        try:
            reply = await asyncio.to_thread(wmi.answer, message, self.reader)
        except BadAnswerError:
            return 400, b""
        if reply.reboots and not self.behaviour.ignored:
            self._restart = asyncio.get_running_loop().create_task(self._reboot())
        return reply.status, reply.envelope

    async def _reboot(self) -> None:
        await asyncio.sleep(0.2)  # the answer gets out first
        self.reboots += 1
        self._away_until = float("inf") if self.behaviour.lost else time.monotonic() + self.behaviour.down
        for task in list(self._tasks):
            task.cancel()
        if isinstance(self.reader, MemoryRegistry) and not self.behaviour.lost:
            boot(self.reader, datetime.now(timezone.utc))


def machine_from(name: str, data: object, where: str) -> Machine:
    """Return the machine that an entry of a scenario describes.

    Raises:
        InputError: the entry cannot be used.
    """
    content = mapping(data or {}, where, _FIELDS)
    reboot = mapping(content.get("reboot") or {}, f"{where}.reboot", _REBOOT)
    fault = content.get("fault")
    if fault is not None and fault not in get_args(Fault):
        raise InputError(f"{fault!r} is no fault", where=f"{where}.fault", hint=f"one of {', '.join(get_args(Fault))}")
    after = content.get("after", 0)
    if isinstance(after, bool) or not isinstance(after, int) or after < 0:
        raise InputError(f"{after!r} is no number of requests", where=f"{where}.after")
    behaviour = Behaviour(
        latency=_seconds(content.get("latency", 0), f"{where}.latency"),
        fault=fault,
        after=after,
        down=_seconds(reboot.get("down", 2), f"{where}.reboot.down"),
        lost=flag(reboot.get("lost", False), f"{where}.reboot.lost"),
        ignored=flag(reboot.get("ignored", False), f"{where}.reboot.ignored"),
    )
    snapshot = {"host": name.upper(), **mapping(content.get("machine") or {}, f"{where}.machine")}
    return Machine(name, from_snapshot(snapshot, where=f"{where}.machine"), behaviour)


def _seconds(written: object, where: str) -> float:
    text = str(written)
    if text.endswith("ms") and text[:-2].isdigit():
        return int(text[:-2]) / 1000
    if isinstance(written, (int, float)) and not isinstance(written, bool) and 0 <= written <= 3600:
        return float(written)
    return parse_duration(written, where).total_seconds()
