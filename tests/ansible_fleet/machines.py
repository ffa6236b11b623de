# SPDX-License-Identifier: Apache-2.0
"""Simulated hosts and the patch that is run on them by hand: what the tests and the demonstration have in common."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from .host import Host

DLL: Final = r"C:\Windows\system32\clbcatq.dll"
STAGED: Final = r"C:\Windows\system32\SET31.tmp"
SESSION_MANAGER: Final = r"SYSTEM\CurrentControlSet\Control\Session Manager"
REBOOT_PENDING: Final = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"
UPDATE_ID: Final = "9306cdfc-c4a1-4a22-9996-848cc67eddc3"
#: How the patch is recognised.
PATCH: Final[dict[str, Any]] = {
    "update_id": UPDATE_ID,
    "files": [{"path": r"%SystemRoot%\system32\clbcatq.dll", "version": "2001.12.4720.10"}],
}
OLD: Final = {"version": "2001.12.4720.9"}
NEW: Final = {"version": "2001.12.4720.10"}
_QUIET: Final = {
    "windows_update_agent": {"reboot_required": False},
    "windows_update_settings": {"pending_reboot": False},
}

#: What the installer leaves: update.exe's flag, and the new file, which the next boot puts in place.
LEFT: Final[dict[str, Any]] = {
    "keys": {
        SESSION_MANAGER: {"values": {"PendingFileRenameOperations": [rf"\??\{STAGED}", rf"!\??\{DLL}"]}},
        r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile": {"values": {"Flags": 1}},
    },
    "files": {STAGED: NEW},
}
#: The same, and a servicing operation that no reboot completes.
LEFT_STUCK: Final = {**LEFT, "keys": {**LEFT["keys"], REBOOT_PENDING: {"volatile": False}}}
#: Clean-up that nothing waits for.
CLEAN_UP: Final = {SESSION_MANAGER: {"values": {"PendingFileRenameOperations": [r"\??\C:\Windows\Temp\MSI1.tmp", ""]}}}
PACKAGE: Final = "WindowsXP-KB902400-x86-ENU.exe"


def snapshot(*, file: dict[str, str] = OLD, keys: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return the snapshot of a host that has one version of the file."""
    return {"boot_time": "2026-11-20T03:12:00Z", "probes": _QUIET, "files": {DLL: file}, "keys": keys or {}}


def add_host(folder: Path, name: str, machine: dict[str, Any] | None = None, **behaviour: Any) -> dict[str, Any]:
    """Make a host in `folder`, and return its variables for the inventory.

    Without a `machine` it is one that wants the patch. `installer` in its behaviour is what the patch leaves.
    """
    left = behaviour.pop("installer", LEFT)
    installers = {PACKAGE: {"exit_code": behaviour.pop("exit_code", 3010), "machine": left}}
    machine = {"host": name.upper(), **(machine or snapshot())}
    Host.make(folder / name, machine, **{"down": 1, "installers": installers, **behaviour})
    return {"simulated_folder": str(folder / name)}


def package(folder: Path, **more: Any) -> dict[str, Any]:
    """Write the patch into `folder`, and return it as the role manual_patch wants it."""
    path = folder / PACKAGE
    path.write_bytes(b"MZ the patch")
    return {
        "name": "KB902400",
        "file": str(path),
        "checksum": hashlib.sha256(path.read_bytes()).hexdigest(),
        "arguments": ["/quiet", "/norestart"],
        "patch": PATCH,
        **more,
    }
