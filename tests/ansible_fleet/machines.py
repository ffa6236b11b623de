# SPDX-License-Identifier: Apache-2.0
"""Simulated hosts and the patch that is run on them by hand: what the tests and the demonstration have in common.

The hosts are machines that the probe saw on the Windows lab (`recordings`); only their names and boot times are set.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Final

from pending_reboot.readers.snapshot import to_snapshot

from .host import Host
from .recordings import PATCH as _PATCH
from .recordings import machine

DLL: Final = r"C:\windows\system32\clbcatq.dll"
REBOOT_PENDING: Final = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\RebootPending"
UPDATE_ID: Final = str(_PATCH["update_id"])
#: How the patch is recognised, without its KB number.
PATCH: Final = {name: content for name, content in _PATCH.items() if name != "kb"}
PACKAGE: Final = "WindowsXP-KB902400-x86-ENU.exe"

_ACTIVE_NAME: Final = r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName"
_BOOT_TIME: Final = "2026-11-20T03:12:00Z"


def recorded(name: str, *, patched: bool = False) -> dict[str, Any]:
    """Return the snapshot of a recorded machine; with `patched` it has the files of one that has the patch."""
    found = to_snapshot(machine(name)) | {"boot_time": _BOOT_TIME}
    files = to_snapshot(machine("patched_by_hand_after_reboot"))["files"]
    return found | {"files": {**found["files"], **files}} if patched else found


def changes(before: str, after: str) -> dict[str, Any]:
    """Return what one recorded machine has and the other has not: keys and files."""
    old, new = to_snapshot(machine(before)), to_snapshot(machine(after))
    return {
        part: {
            name: entry
            for name, entry in new[part].items()
            if entry != old[part].get(name) and name != _ACTIVE_NAME  # it is written at every boot
        }
        for part in ("keys", "files")
    }


#: What the installer leaves: update.exe's flag, and the new file, which the next boot puts in place.
LEFT: Final = changes("clear", "patched_by_hand")
#: The same, and a servicing operation that no reboot completes.
LEFT_STUCK: Final = {
    **LEFT,
    "keys": {**LEFT["keys"], REBOOT_PENDING: to_snapshot(machine("stuck"))["keys"][REBOOT_PENDING]},
}


def add_host(folder: Path, name: str, snapshot: dict[str, Any] | None = None, **behaviour: Any) -> dict[str, Any]:
    """Make a host in `folder`, and return its variables for the inventory.

    Without a `snapshot` it is one that wants the patch. `installer` in its behaviour is what the patch leaves.
    """
    left = behaviour.pop("installer", LEFT)
    installers = {PACKAGE: {"exit_code": behaviour.pop("exit_code", 3010), "machine": left}}
    own = {**(snapshot or recorded("clear")), "host": name.upper()}
    Host.make(folder / name, own, **{"down": 1, "installers": installers, **behaviour})
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
