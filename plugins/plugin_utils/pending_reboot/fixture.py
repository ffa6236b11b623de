# SPDX-License-Identifier: Apache-2.0
r"""A Windows machine that is a file: it can be asked, flagged and rebooted where there is no Windows.

The file is a snapshot (`readers.snapshot`) and is the machine's disk and memory: flagging and rebooting write it. So a
Linux minion can play a Windows host in tests, demonstrations and users' own CI.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from .errors import InputError
from .facts import facts_from
from .file_operations import VALUES, decode
from .flag import FlagResult, flag_reboot, lasting
from .local import Wua, left_out
from .model import Facts, FileOperation
from .patch import Patch
from .patch_files import machine_of
from .patch_state import PatchState, patch_states
from .probes import COMPONENTS
from .readers.memory import MemoryKey, MemoryRegistry
from .readers.snapshot import from_snapshot, set_boot_time, to_snapshot
from .registry import REG_DWORD, Absent, KeyQuery, Unreadable, Value, datetime_to_filetime
from .sources.component_based_servicing import PACKAGES, PENDING_STATES
from .sources.pending_computer_rename import ACTIVE, CONFIGURED, TCPIP
from .sources.pending_file_rename import SESSION_MANAGER


class Fixture:
    """The machine in a file. Every question reads it anew."""

    def __init__(self, path: str, parse: Callable[[str], object] = json.loads) -> None:
        """Play the machine in the file at `path`; `parse` turns its text into plain data (such as a YAML reader)."""
        self._path = Path(path)
        self._parse = parse

    def reader(self) -> MemoryRegistry:
        """Return a reader of the machine as it is now.

        Raises:
            InputError: the file cannot be read, or is no snapshot.
        """
        try:
            data = self._parse(self._path.read_text("utf-8"))
        except OSError as error:
            raise InputError(f"cannot be read: {error.strerror}", where=str(self._path)) from error
        except (ValueError, RecursionError) as error:
            raise InputError(f"is no snapshot: {' '.join(str(error).split())}", where=str(self._path)) from error
        return from_snapshot(data, where=str(self._path))

    def facts(self, *, wua: Wua = "state", skip: Sequence[str] = (), **options: Any) -> Facts:
        """Return the facts of the machine.

        Args:
            wua: as for `local_facts`.
            skip: as for `facts_from`.
            options: what else `facts_from` takes.

        Raises:
            InputError: as for `reader`, or an unknown source.
        """
        return facts_from(self.reader(), skip=left_out(skip, wua), **options)

    def patch_states(self, patches: Sequence[Patch]) -> list[PatchState]:
        """Return the state of each patch on the machine.

        Raises:
            InputError: as for `reader`.
        """
        return patch_states(self.reader(), patches)

    def flag(self, update_id: str, *, test: bool = False) -> FlagResult:
        """Flag that `update_id` waits for a reboot, as `flag_reboot` does on Windows.

        Raises:
            InputError: as for `reader`, the id cannot be a value name, or the file cannot be written.
            PendingRebootError: a key exists that is not volatile.
        """
        registry = self.reader()
        result = flag_reboot(update_id, test=test, keys=_Keys(registry))
        if result.changed and not test:
            self._write(registry)
        return result

    def reboot(self, now: datetime | None = None) -> None:
        """Reboot the machine.

        Raises:
            InputError: as for `reader`, or the file cannot be written.
        """
        self.change(lambda registry: boot(registry, now or datetime.now(timezone.utc)))

    def change(self, change: Callable[[MemoryRegistry], object]) -> None:
        """Do to the machine what `change` does to its registry, files and components.

        Raises:
            InputError: as for `reader`, or the file cannot be written.
        """
        registry = self.reader()
        change(registry)
        self._write(registry)

    def _write(self, registry: MemoryRegistry) -> None:
        beside = self._path.with_name(f".{self._path.name}.{os.getpid()}")
        try:
            beside.write_text(json.dumps(to_snapshot(registry), indent=2) + "\n", "utf-8")
            beside.replace(self._path)
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=str(self._path)) from error


def boot(registry: MemoryRegistry, now: datetime) -> None:
    """Do to a machine in memory what a boot of Windows does at `now` (aware).

    Volatile keys vanish, pending file operations are carried out and forgotten, new names become the active ones, and
    no component waits for a reboot any more.
    """
    registry.reboot()
    session_manager = registry.find(SESSION_MANAGER.path)
    if session_manager and not isinstance(session_manager, Unreadable):
        for name in VALUES:
            value = session_manager.value(name)
            if isinstance(value, Value) and registry.files is not None:
                _move_files(registry, decode(name, value))
            session_manager.remove_value(name)
    packages = registry.find(PACKAGES.path)
    if packages and not isinstance(packages, Unreadable):
        for package in packages.subkeys():
            _finish(package)
    configured = registry.find(CONFIGURED.path)
    if configured and not isinstance(configured, Unreadable):
        registry.key(ACTIVE.path, dict(configured.values()), volatile=True)
    tcpip = registry.find(TCPIP.path)
    if tcpip and not isinstance(tcpip, Unreadable):
        hostname = tcpip.value("NV Hostname")
        if isinstance(hostname, Value):
            tcpip.put("Hostname", hostname)
    for name in COMPONENTS & registry.probes.keys():
        answer = registry.probes[name]
        if isinstance(answer, Mapping):
            registry.probes[name] = _settled(answer)
    set_boot_time(registry.probes, now)


def _finish(package: MemoryKey) -> None:
    """Do to a package what servicing does at the boot: it is installed, or removed."""
    value = package.value("CurrentState")
    state = value.integer() if isinstance(value, Value) and value.type == REG_DWORD and len(value.data) == 4 else None
    if state in PENDING_STATES:
        package.put("CurrentState", Value.from_integer(0x70 if PENDING_STATES[state] == "install" else 0))


def _move_files(registry: MemoryRegistry, operations: Sequence[FileOperation]) -> None:
    """Do to the files what Session Manager does: in order, and nothing where the source is not there."""
    if registry.files is None:
        raise AssertionError("a machine of a fixture has files")
    machine = machine_of(registry)
    for operation in operations:
        source, target = machine.full(operation.source), machine.full(operation.target or "")
        blocked = bool(target) and target.lower() in registry.files and not operation.replace_existing
        if operation.malformed or blocked or source.lower() not in registry.files:
            continue
        _name, found = registry.files.pop(source.lower())
        if target:
            registry.files[target.lower()] = (target, found)


def _settled(answer: Mapping[str, object]) -> Mapping[str, object]:
    """Return what a component says after the reboot that it waited for."""
    left = {name: False if isinstance(said, bool) else said for name, said in answer.items()}
    left.pop("updates", None)
    return left | ({"lcm_state": "Idle"} if left.get("lcm_state") == "PendingReboot" else {})


class _Keys:
    """The volatile keys of a machine in memory. Satisfies `flag.VolatileKeys`."""

    def __init__(self, registry: MemoryRegistry) -> None:
        self._registry = registry

    def flagged(self, path: str) -> list[str] | None:
        key = self._registry.read(KeyQuery(path, ("*",)))
        if isinstance(key, Unreadable):
            raise InputError(key.message, where=f"HKLM\\{path}")
        return None if isinstance(key, Absent) else list(key.values)

    def write_flag(self, path: str, name: str) -> None:
        now = datetime_to_filetime(datetime.now(timezone.utc))
        key = self._registry.key(path, {name: Value.from_integer(1)}, volatile=True, last_write=now)
        if not key.volatile:
            raise lasting(path)
