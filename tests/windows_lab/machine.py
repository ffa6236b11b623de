# SPDX-License-Identifier: Apache-2.0
"""The lab: a Windows machine that tests switch on, plant things in, run programs on and reboot."""

from __future__ import annotations

import atexit
import base64
import inspect
import itertools
import os
import shutil
import subprocess
import tempfile
import textwrap
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, NamedTuple

from pending_reboot.registry import Value, filetime_to_datetime

from . import wine
from .agent import Agent
from .build import Build, ensure
from .errors import LabError, LabTimeoutError
from .template import copy_machine, remove_abandoned
from .windows_python import REPOSITORY
from .wua import Wua

View = Literal[32, 64]
_CODE_PATHS = (REPOSITORY / "plugins/plugin_utils", REPOSITORY / "src")
_TESTS = REPOSITORY / "tests"
#: Refuses reading to everybody, the administrator included; the rest stays allowed, so that it can be deleted.
_NO_READING = "D:(D;;KR;;;WD)(A;;KA;;;WD)"
_numbers = itertools.count()


class StoredKey(NamedTuple):
    """A key as it is."""

    #: FILETIME.
    last_write: int
    values: Mapping[str, Value]
    #: Their names.
    children: Sequence[str]


class Lab:
    """A running Windows machine. All paths of keys are below HKEY_LOCAL_MACHINE."""

    def __init__(self, build: Build, prefix: wine.Prefix, code_paths: Sequence[Path]) -> None:
        self._build = build
        self._prefix = prefix
        self._code_paths = tuple(code_paths)
        self._agent: Agent | None = None
        atexit.register(self.stop)

    @classmethod
    def start(cls, build: Build | None = None, *, code_paths: Sequence[Path] = ()) -> Lab:
        """Switch a fresh machine on.

        Args:
            build: made by `ensure` when it is not given.
            code_paths: folders that Windows Python finds modules in, beside the core and the command.
        """
        build = build or ensure()
        build.machines.mkdir(parents=True, exist_ok=True)
        remove_abandoned(build.wine, build.machines)
        name = f"{os.getpid()}-{next(_numbers)}-"
        folder = Path(tempfile.mkdtemp(prefix=name, dir=build.machines)) / "prefix"
        copy_machine(build.template, folder)
        lab = cls(build, wine.Prefix(build.wine, folder), (*_CODE_PATHS, *code_paths))
        try:
            lab._boot()
        except BaseException:
            lab.stop()
            raise
        return lab

    def _boot(self) -> None:
        self._prefix.switch_on()
        self._agent = self._start_agent()

    def _start_agent(self) -> Agent:
        command = [str(self._prefix.wine.loader), str(self._build.python), "-m", "windows_lab.inside.agent"]
        return Agent(command, self._environment(None, (*self._code_paths, _TESTS)))

    def _ask(self, command: str, timeout: float = 60, **arguments: object) -> Any:
        if self._agent is None:
            raise LabError("the lab is switched off")
        if not self._agent.alive:
            self._agent = self._start_agent()
        return self._agent.ask(command, arguments, timeout)

    def reboot(self) -> None:
        """End everything, and boot: volatile keys are gone, pending file operations were executed."""
        before = self.boot_time
        self._switch_off()
        self._boot()
        if self.boot_time <= before:
            raise LabError("the boot time is the old one: the machine did not really end")

    def _switch_off(self) -> None:
        if self._agent is not None:
            self._agent.end()
            self._agent = None
        self._prefix.switch_off()

    def stop(self) -> None:
        """Switch it off and remove it."""
        atexit.unregister(self.stop)
        if self._prefix.folder.exists():
            self._switch_off()
            shutil.rmtree(self._prefix.folder.parent)

    def __enter__(self) -> Lab:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # Running code

    def run(
        self, *command: str | Path, timeout: float = 60, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a Windows program; a Path is named as Windows names it. Its output comes back as text."""
        arguments = [wine.windows_path(part) if isinstance(part, Path) else part for part in command]
        process = subprocess.Popen(
            [str(self._prefix.wine.loader), *arguments],
            env=self._environment(env, self._code_paths),
            stdin=subprocess.DEVNULL,
            # Wine refuses plain files as standard handles.
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        try:
            output, errors = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=10)
            raise LabTimeoutError(f"{' '.join(arguments)} takes longer than {timeout} s") from None
        return subprocess.CompletedProcess(arguments, process.returncode, _text(output), _text(errors))

    def run_python(
        self, code: str | Path, *arguments: str | Path, timeout: float = 60, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run code (text), or a file (Path), in a Windows Python of its own."""
        what = [code] if isinstance(code, Path) else ["-c", code]
        return self.run(self._build.python, *what, *arguments, timeout=timeout, env=env)

    def run_module(
        self, module: str, *arguments: str | Path, timeout: float = 60, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a module (`python -m`) in a Windows Python of its own."""
        return self.run(self._build.python, "-m", module, *arguments, timeout=timeout, env=env)

    def pending_reboot(
        self, *arguments: str | Path, timeout: float = 60, env: Mapping[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run the command `pending-reboot`."""
        return self.run_module("pending_reboot_tools", *arguments, timeout=timeout, env=env)

    def call(self, function: Callable[..., object] | str, *, timeout: float = 60, **arguments: object) -> Any:
        """Call a function on Windows and return its result as plain JSON types.

        It runs in the process that serves the lab, which keeps what it imported until the next boot.

        Args:
            function: one defined by `def` with all its imports inside, or `module:function`.
            timeout: seconds; after that the process is ended and a new one serves.
            arguments: plain JSON types.
        """
        if isinstance(function, str):
            return self._ask("call_name", timeout, function=function, arguments=arguments)
        source = textwrap.dedent(inspect.getsource(function))
        return self._ask("call_source", timeout, source=source, function=function.__name__, arguments=arguments)

    def _environment(self, extra: Mapping[str, str] | None, code_paths: Sequence[Path]) -> dict[str, str]:
        python = {
            "PYTHONPATH": ";".join(map(wine.windows_path, code_paths)),
            "PYTHONPYCACHEPREFIX": wine.windows_path(self._build.bytecode),
        }
        return self._prefix.environment({**python, **(extra or {})})

    # The registry

    def key(
        self, path: str, values: Mapping[str, Value] | None = None, *, volatile: bool = False, view: View = 64
    ) -> bool:
        """Create a key with these values, or add them to it; False when it was there.

        Missing parents become lasting keys, whatever `volatile` says of the last one.
        """
        raw = {name: (value.type, value.data.hex()) for name, value in (values or {}).items()}
        created: bool = self._ask("create_key", path=path, values=raw, volatile=volatile, view=view)
        return created

    def read_key(self, path: str, *, view: View = 64) -> StoredKey | None:
        """Return a key with all its values and the names of its children, None when it is absent."""
        found = self._ask("read_key", path=path, view=view)
        if found is None:
            return None
        values = {name: Value(kind, bytes.fromhex(data)) for name, (kind, data) in found["values"].items()}
        return StoredKey(found["last_write"], values, found["children"])

    def delete_key(self, path: str, *, view: View = 64) -> bool:
        """Delete a key and everything below it; False when it was absent."""
        deleted: bool = self._ask("delete_key", path=path, view=view)
        return deleted

    def delete_value(self, path: str, name: str, *, view: View = 64) -> bool:
        """Delete a value; False when it was absent."""
        deleted: bool = self._ask("delete_value", path=path, name=name, view=view)
        return deleted

    def deny_key(self, path: str, *, view: View = 64, sddl: str = _NO_READING) -> None:
        """Have reading the key refused (error 5), or give it other rights; that lasts until the next boot."""
        self._ask("protect_key", path=path, sddl=sddl, view=view)

    # Files and the boot

    @property
    def boot_time(self) -> datetime:
        """When this boot began."""
        when = filetime_to_datetime(self._ask("boot_time"))
        assert when is not None
        return when

    def move_file_delayed(self, source: str, target: str | None = None, *, replace: bool = True) -> None:
        """Have the next boot move (or, without target, delete) a file: MoveFileEx."""
        self._ask("move_file_delayed", source=source, target=target, replace=replace)

    def write_file(self, path: str, content: bytes = b"") -> None:
        """Write a file, with its missing folders."""
        self._ask("write_file", path=path, content=base64.b64encode(content).decode("ascii"))

    def read_file(self, path: str) -> bytes | None:
        """Return what is in a file, None when it is absent."""
        found = self._ask("read_file", path=path)
        return None if found is None else base64.b64decode(found)

    def remove(self, path: str) -> None:
        """Remove a file or folder; that it is absent is no error."""
        self._ask("remove", path=path)

    # The Windows Update Agent

    def wua(self, state: Wua) -> None:
        """Have the Windows Update Agent say this."""
        self._ask("write_wua_state", state=state.to_dict())

    def wua_calls(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return the members of WUA's objects that clients used since `wua`, with their arguments as text."""
        return [(call["member"], tuple(call["arguments"])) for call in self._ask("wua_calls")]


def _text(output: bytes) -> str:
    return output.decode("utf-8", "replace").replace("\r\n", "\n")
