# SPDX-License-Identifier: Apache-2.0
"""Disks of machines that do not exist: real registry hives with one situation each, for the demonstration and tests."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import NamedTuple

from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.registry import Value, datetime_to_filetime

from .hive_writer import build_hive

_CONTROL_SET = r"SYSTEM\ControlSet001"
SESSION_MANAGER = rf"{_CONTROL_SET}\Control\Session Manager"
_CURRENT_VERSION = r"SOFTWARE\Microsoft\Windows\CurrentVersion"
_PACKAGES = rf"{_CURRENT_VERSION}\Component Based Servicing\Packages"
_WRITTEN = datetime_to_filetime(datetime(2026, 11, 20, 3, 12, tzinfo=timezone.utc))


class Machine(NamedTuple):
    """One disk."""

    name: str
    #: What happened to it, as a sentence.
    story: str
    fill: Callable[[MemoryRegistry], None]
    #: The hives were not completely written: the machine crashed.
    dirty: bool = False

    def registry(self) -> MemoryRegistry:
        """Return what its hives hold."""
        registry = healthy(self.name)
        self.fill(registry)
        return registry

    def write(self, folder: Path) -> Path:
        """Write its Windows directory below `folder` and return the root of its volume."""
        volume = folder / self.name.lower()
        config = volume / "Windows" / "System32" / "config"
        config.mkdir(parents=True)
        root = self.registry().root
        for name in ("SYSTEM", "SOFTWARE"):
            hive = root.child(name)
            assert hive is not None  # every machine has both
            (config / name).write_bytes(build_hive(hive, file_name=name, dirty=self.dirty))
        return volume


def healthy(name: str) -> MemoryRegistry:
    """Return the registry of a machine that waits for nothing, as its hive files hold it."""
    registry = MemoryRegistry()
    registry.key(r"SYSTEM\Select", dict.fromkeys(("Current", "Default", "LastKnownGood"), Value.from_integer(1)))
    registry.key(rf"{_CONTROL_SET}\Control\ComputerName\ComputerName", {"ComputerName": Value.from_text(name)})
    host = Value.from_text(name.lower())
    registry.key(rf"{_CONTROL_SET}\Services\Tcpip\Parameters", {"Hostname": host, "NV Hostname": host})
    registry.key(rf"{_CONTROL_SET}\Services\Netlogon\Parameters")
    registry.key(SESSION_MANAGER, {"BootExecute": Value.from_strings(["autocheck autochk *"])}, last_write=_WRITTEN)
    registry.key(
        r"SOFTWARE\Microsoft\Windows NT\CurrentVersion",
        {"ProductName": Value.from_text("Windows Server"), "SystemRoot": Value.from_text(r"C:\Windows")},
    )
    registry.key(rf"{_CURRENT_VERSION}\RunOnce")
    for number, state in enumerate((0x70, 0x70, 0x50, 0x40), 1):
        registry.key(rf"{_PACKAGES}\Package_{number}_for_KB30000{number}", {"CurrentState": Value.from_integer(state)})
    return registry


def rename(registry: MemoryRegistry, *operations: str) -> None:
    """Queue raw pairs of strings for the next boot."""
    value = Value.from_strings(operations)
    registry.key(SESSION_MANAGER, {"PendingFileRenameOperations": value}, last_write=_WRITTEN)


_BROWSER = r"\??\C:\Program Files\Google\Chrome\Temp\scoped_dir12712_18953496"
_CLEAN_UP = (rf"{_BROWSER}\old_chrome.exe", "", _BROWSER, "")


def _by_hand(registry: MemoryRegistry) -> None:
    staged, target = r"\??\C:\Windows\system32\SET31.tmp", r"!\??\C:\Windows\system32\clbcatq.dll"
    rename(registry, *_CLEAN_UP, staged, target)
    registry.key(r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile", {"Flags": Value.from_integer(1)}, last_write=_WRITTEN)


def _noisy(registry: MemoryRegistry) -> None:
    rename(registry, *_CLEAN_UP, r"*1\??\C:\Users\admin\AppData\Local\Temp\nsp9C0.tmp" + "\\", "")


def _serviced(registry: MemoryRegistry) -> None:
    registry.key(rf"{_PACKAGES}\Package_5_for_KB5065789", {"CurrentState": Value.from_integer(0x60)})


def _nothing(_: MemoryRegistry) -> None:
    """Leave the machine as it is."""


MACHINES = (
    Machine("LEGACY01", "KB902400 was run by hand from its EXE, then the machine was shut down", _by_hand),
    Machine("CLIENT07", "only browsers and installers queued their clean-up", _noisy),
    Machine("DC02", "an update was staged and waits for the next start", _serviced),
    Machine("WEB03", "nothing waits, but the machine crashed and its logs are gone", _nothing, dirty=True),
)
