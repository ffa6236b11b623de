# SPDX-License-Identifier: Apache-2.0
"""A simulated fleet: a scenario in YAML, and the ports on loopback that its machines listen on."""

from __future__ import annotations

import asyncio
import copy
import os
import socket
import ssl
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, Final

from pending_reboot import InputError

from .http import Account
from .machine import Machine, machine_from

LOOPBACK: Final = "127.0.0.1"
_FIELDS: Final = frozenset({"username", "password", "basic", "hosts"})
_MOST: Final = 2000
_HINT: Final = "write username, password and hosts"


def scenario_from(data: object, where: str = "scenario") -> tuple[Account, list[Machine]]:
    """Return who may ask, and the machines of a scenario. An entry with `count` stands for that many machines.

    Raises:
        InputError: the scenario cannot be used; the error names the place.
    """
    if not isinstance(data, Mapping) or not isinstance(data.get("hosts"), Mapping):
        raise InputError("is no scenario", where=where, hint=_HINT)
    unknown = sorted(set(map(str, data)) - _FIELDS)
    if unknown:
        raise InputError(f"unknown field {unknown[0]!r}", where=where, hint=f"known: {', '.join(sorted(_FIELDS))}")
    account = Account(
        str(data.get("username", "vagrant")), str(data.get("password", "vagrant")), data.get("basic") is True
    )
    machines = [
        machine_from(name, entry, f"{where}.hosts.{host}")
        for host, written in data["hosts"].items()
        for name, entry in _several(str(host), written, f"{where}.hosts.{host}")
    ]
    if not 0 < len(machines) <= _MOST:
        raise InputError(f"has {len(machines)} machines", where=where, hint=f"up to {_MOST}")
    return account, machines


def _several(host: str, written: object, where: str) -> Iterator[tuple[str, object]]:
    entry = dict(written) if isinstance(written, Mapping) else written
    count = entry.pop("count", None) if isinstance(entry, dict) else None
    if count is None:
        yield host, entry
        return
    if isinstance(count, bool) or not isinstance(count, int) or not 0 < count <= _MOST:
        raise InputError(f"{count!r} is no number of machines", where=f"{where}.count", hint=f"up to {_MOST}")
    for number in range(1, count + 1):
        yield f"{host}{number:03}", copy.deepcopy(entry)


class Simulation:
    """Machines that listen, in a thread of their own."""

    def __init__(
        self,
        account: Account,
        machines: Sequence[Machine],
        *,
        first_port: int = 0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Prepare `machines`; each gets a port of its own from `first_port` on, any free ones for 0."""
        self.account = account
        self.machines = list(machines)
        #: Port by name.
        self.ports: dict[str, int] = {}
        self._first_port = first_port
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._failure: OSError | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._servers: list[asyncio.Server] = []
        self._taken: list[socket.socket] = []

    @contextmanager
    def running(self) -> Iterator[Simulation]:
        """Listen until the end of the block.

        Raises:
            InputError: a port is taken, or is none.
        """
        if not 0 <= self._first_port <= 65536 - len(self.machines):
            raise InputError(f"{self._first_port} is no port with {len(self.machines)} more", where="first port")
        descriptor, users = tempfile.mkstemp(prefix="pending-reboot-users-")
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            domain, _, name = self.account.username.rpartition("\\")
            file.write(f"{domain}:{name}:{self.account.password}\n")
        before = os.environ.get("NTLM_USER_FILE")
        os.environ["NTLM_USER_FILE"] = users  # pyspnego's acceptor looks there and nowhere else
        try:
            self._thread.start()
            self._ready.wait()
            if self._failure:
                raise InputError(f"cannot listen: {self._failure.strerror}", where=LOOPBACK) from self._failure
            yield self
        finally:
            if self._failure is None:  # else it ends by itself
                self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            Path(users).unlink(missing_ok=True)
            if before is None:
                del os.environ["NTLM_USER_FILE"]
            else:
                os.environ["NTLM_USER_FILE"] = before

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._listen())
        except OSError as error:
            self._failure = error
            self._ready.set()
        else:
            self._ready.set()
            self._loop.run_forever()
        left = asyncio.all_tasks(self._loop)
        for task in left:
            task.cancel()
        self._loop.run_until_complete(asyncio.gather(*left, return_exceptions=True))
        for server in self._servers:
            server.close()
            if hasattr(server, "abort_clients"):  # Python 3.13
                server.abort_clients()
        for taken in self._taken:
            taken.close()
        self._loop.run_until_complete(asyncio.sleep(0.05))  # transports close in turns of the loop
        self._loop.run_until_complete(self._loop.shutdown_default_executor())
        self._loop.close()

    async def _listen(self) -> None:
        for number, machine in enumerate(self.machines):
            port = self._first_port + number if self._first_port else 0
            if machine.behaviour.fault == "refuse":  # a port that nobody listens on, and nobody else gets
                taken = socket.socket()
                taken.bind((LOOPBACK, port))
                self._taken.append(taken)
                self.ports[machine.name] = taken.getsockname()[1]
                continue
            serve = partial(machine.serve, self.account)
            server = await asyncio.start_server(serve, LOOPBACK, port, backlog=64, ssl=self._tls)
            self._servers.append(server)
            self.ports[machine.name] = server.sockets[0].getsockname()[1]

    def inventory(self) -> dict[str, Any]:
        """Return an Ansible inventory of the machines, without the password."""
        hosts = {
            name: {"ansible_host": LOOPBACK, "ansible_port": port, "ansible_winrm_scheme": "http"}
            for name, port in self.ports.items()
        }
        shared = {
            "ansible_connection": "winrm",
            "ansible_user": self.account.username,
            "ansible_winrm_transport": "ntlm",
        }
        return {"all": {"children": {"windows": {"hosts": hosts, "vars": shared}}}}
