# SPDX-License-Identifier: Apache-2.0
"""Planting situations in the lab, and asking our facts about them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pending_reboot.registry import Value
from windows_lab.machine import Lab

SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
REBOOT_REQUIRED = r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update\RebootRequired"
CBS = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing"
UPDATE_EXE = r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile"
UPDATE_ID = "9306cdfc-c4a1-4a22-9996-848cc67eddc3"


def ask(sources: list[str], wua: str, limit: float) -> object:
    """Runs on Windows: the facts of this machine."""
    import pending_reboot

    return pending_reboot.local_facts(sources=sources, wua=wua, timeout=limit).to_dict()


def facts(lab: Lab, *sources: str, wua: str = "none", limit: float = 30) -> dict[str, Any]:
    """Return our facts of the lab, of all sources or of these."""
    found: dict[str, Any] = lab.call(ask, sources=list(sources), wua=wua, limit=limit)
    return found


@contextmanager
def planted(lab: Lab, keys: Mapping[str, Mapping[str, Value]], *, volatile: bool = False) -> Iterator[None]:
    """Plant keys with values for a while; what was there before is there again afterwards."""
    before = {path: lab.read_key(path) for path in keys}
    for path, values in keys.items():
        lab.key(path, values, volatile=volatile)
    try:
        yield
    finally:
        for path in reversed(list(keys)):
            was = before[path]
            if was is None:
                lab.delete_key(path)
                continue
            for name in keys[path]:
                old = was.values.get(name)
                if isinstance(old, Value):
                    lab.key(path, {name: old})
                else:
                    lab.delete_value(path, name)
