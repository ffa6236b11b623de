# SPDX-License-Identifier: Apache-2.0
"""A Salt master and its minions, as processes on this machine that talk over loopback."""

from __future__ import annotations

import getpass
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .installation import Salt
from .masterless import Outcome, run

#: Seconds until something that has to happen is given up: many more than it takes when everything runs at once.
_LONGEST = 180
_END = 20

#: Makes a minion start its jobs as Windows does: in fresh processes.
_SPAWN = 'import multiprocessing\nmultiprocessing.set_start_method("spawn", force=True)\n'


class Daemon:
    """A process that runs until it is stopped, with everything it starts."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            command,
            env={**os.environ, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )

    def stop(self, *, at_once: bool = False) -> None:
        """End it; `at_once` as a power cut does."""
        for number in (signal.SIGKILL,) if at_once else (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self._process.pid, number)
                self._process.wait(_END)
                break
            except ProcessLookupError:
                break
            except subprocess.TimeoutExpired:
                continue
        self._process.wait(_END)
        self._log.close()


class Fleet:
    """A running master with minions."""

    def __init__(
        self,
        salt: Salt,
        file_roots: Sequence[Path],
        *,
        spawn: bool = False,
        packages: Path | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> None:
        """Start a master that gives out `file_roots`.

        Args:
            salt: the Salt.
            file_roots: folders of files.
            spawn: have the minions start their jobs as on Windows.
            packages: a folder with more packages, for every process.
            settings: more settings of the master.
        """
        self.salt = salt
        #: Everything lies here; a short path, because sockets have one.
        self.folder = Path(tempfile.mkdtemp(prefix="prs"))
        self._file_roots = [str(each) for each in file_roots]
        self._ports = _free_ports(2)
        self._minions: dict[str, Daemon] = {}
        self._environment = {"PYTHONPATH": str(packages)} if packages else {}
        self._minion_environment = dict(self._environment)
        if spawn:
            site = self.folder / "site"
            site.mkdir()
            (site / "sitecustomize.py").write_text(_SPAWN)
            self._minion_environment["PYTHONPATH"] = os.pathsep.join(map(str, filter(None, (site, packages))))
        self._write("master", {**self._master_settings(), **(settings or {})}, "master")
        self._master = Daemon(
            [salt.program("salt-master"), "-c", str(self.folder / "master"), "-l", "warning"],
            self.folder / "master.log",
            self._environment,
        )

    @classmethod
    @contextmanager
    def running(cls, salt: Salt, file_roots: Sequence[Path], **options: Any) -> Iterator[Fleet]:
        """Start a master; end it and its minions afterwards. Takes what the class takes."""
        fleet = cls(salt, file_roots, **options)
        try:
            yield fleet
        finally:
            fleet.stop()

    def _master_settings(self) -> dict[str, Any]:
        return {
            "publish_port": self._ports[0],
            "ret_port": self._ports[1],
            "auto_accept": True,
            "worker_threads": 3,
            "file_roots": {"base": self._file_roots},
            "gather_job_timeout": 3,
        }

    def _write(self, name: str, settings: Mapping[str, Any], kind: str) -> None:
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        usual = {
            "user": getpass.getuser(),
            "interface": "127.0.0.1",
            "root_dir": str(folder),
            "pki_dir": str(folder / "pki"),
            "cachedir": str(folder / "cache"),
            "extension_modules": str(folder / "extmods"),
            "sock_dir": str(folder / "s"),
            "pidfile": str(folder / "pid"),
            "log_file": str(folder / "log"),
        }
        (folder / kind).write_text(json.dumps({**usual, **settings}))

    def start(self, name: str, **settings: Any) -> None:
        """Start a minion; with settings, it is configured anew."""
        if settings or not (self.folder / name).exists():
            usual = {
                "id": name,
                "master": "127.0.0.1",
                "master_port": self._ports[1],
                "publish_port": self._ports[0],
                "acceptance_wait_time": 1,
                "random_reauth_delay": 1,
                "loop_interval": 1,
                "grains_blacklist": ["disks"],
            }
            self._write(name, {**usual, **settings}, "minion")
        self._minions[name] = Daemon(
            [self.salt.program("salt-minion"), "-c", str(self.folder / name), "-l", "warning"],
            self.folder / f"{name}.log",
            self._minion_environment,
        )

    def power_off(self, name: str) -> None:
        """End a minion as a power cut does."""
        self._minions.pop(name).stop(at_once=True)
        # Salt takes a process that nobody has waited for yet for a running one.
        for left in (self.folder / name).glob("*pid"):
            left.unlink()

    def stop(self) -> None:
        """End everything."""
        for name in list(self._minions):
            self._minions.pop(name).stop(at_once=True)
        self._master.stop(at_once=True)
        shutil.rmtree(self.folder, ignore_errors=True)

    def wait_for(self, names: Sequence[str]) -> None:
        """Wait until these minions answer."""

        def up() -> bool:
            return set(names) <= set(self.call(list(names), "test.ping", timeout=3))

        eventually(up, "minions answer")

    def run(self, program: str, *arguments: str) -> Outcome:
        """Run `salt` or `salt-run` on the master."""
        command = [self.salt.program(program), "-c", str(self.folder / "master"), "--out=json", "-l", "error"]
        return run([*command, *arguments], self._environment)

    def call(self, target: str | Sequence[str], function: str, *arguments: str, timeout: int = 30) -> dict[str, Any]:
        """Return what a function returns on each minion that answers; `target` is a compound one, or a list."""
        options = ["--static", f"--timeout={timeout}"]
        words = ["-C", target] if isinstance(target, str) else ["-L", ",".join(target)]
        done = self.run("salt", *options, *words, function, *arguments)
        found = done.value if isinstance(done.value, dict) else {}
        return {name: value for name, value in found.items() if not _silent(value)}

    def runner(self, function: str, *arguments: str) -> Any:
        """Return what a runner returns."""
        done = self.run("salt-run", function, *arguments)
        assert done.value is not None, done.text
        return done.value

    def events(self, tag: str) -> Events:
        """Listen to the master's events from now on."""
        return Events(self, tag)


class Events:
    """What arrives on the master's event bus."""

    def __init__(self, fleet: Fleet, tag: str) -> None:
        self._file = fleet.folder / f"events-{time.monotonic_ns()}"
        command = [fleet.salt.program("salt-run"), "-c", str(fleet.folder / "master"), "-l", "quiet", "state.event"]
        self._daemon = Daemon([*command, tag, "count=-1"], self._file, {"PYTHONUNBUFFERED": "1"})
        self._first = tag.replace("*", "listening")

        def listens() -> bool:
            fleet.run("salt-run", "event.send", self._first)
            return self._first in self._file.read_text()

        eventually(listens, "listening to events")

    def seen(self) -> list[tuple[str, dict[str, Any]]]:
        """Return the tags and data of what has arrived so far."""
        lines = [line for line in self._file.read_text().splitlines() if "\t" in line]
        found = [(line.partition("\t")[0], json.loads(line.partition("\t")[2])) for line in lines]
        return [(tag, data) for tag, data in found if tag != self._first]

    def stop(self) -> None:
        """Listen no more."""
        self._daemon.stop(at_once=True)


def _silent(value: object) -> bool:
    """Tell whether this stands for a minion that gave no answer: 3006 and 3008 say it in their own ways."""
    return value is False or (isinstance(value, str) and value.startswith("Minion did not return"))


def eventually(check: Callable[[], object], what: str) -> None:
    """Wait until `check` holds."""
    deadline = time.monotonic() + _LONGEST
    while not check():
        assert time.monotonic() < deadline, f"not within {_LONGEST} s: {what}"
        time.sleep(0.3)


def _free_ports(number: int) -> list[int]:
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
