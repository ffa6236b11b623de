# SPDX-License-Identifier: GPL-3.0-or-later
"""Flags that a patch waits for a reboot. The core decides what is written, the PowerShell module writes it."""

from __future__ import annotations

from typing import Any, ClassVar

from ..plugin_utils._ansible.action import PendingRebootAction
from ..plugin_utils.pending_reboot import PendingRebootError, flag_reboot
from ..plugin_utils.pending_reboot.readers.probe import gather
from ..plugin_utils.pending_reboot.registry import (
    ALL,
    Absent,
    Answer,
    KeyQuery,
    Unreadable,
)
from ..plugin_utils.pending_reboot.sources.install_witness import FLAG
from ..plugin_utils.pending_reboot.sources.windows_update import REBOOT_REQUIRED


class ActionModule(PendingRebootAction):
    """The action of `win_reboot_flag`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {"update_id": {"type": "str", "required": True}}

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Flag it, and return what changed."""
        paths = (REBOOT_REQUIRED.path, FLAG.path)
        keys = _Keys(gather(self.probe, lambda reader: {path: reader.read(KeyQuery(path, ALL)) for path in paths}))
        result = flag_reboot(arguments["update_id"], keys=keys)
        if keys.written:  # in check mode, too: only there is it seen whether a key that exists is volatile
            self.module("win_reboot_flag", {"update_id": keys.name, "keys": keys.written})
        values = {"before": result.before, "after": result.after}
        return {
            **result.to_dict(),
            "diff": {name: {REBOOT_REQUIRED.path: content} for name, content in values.items()},
        }


class _Keys:
    """The keys as they were read, and what is to be written to them. Satisfies `flag.VolatileKeys`."""

    def __init__(self, found: dict[str, Answer]) -> None:
        self._found = found
        self.written: list[str] = []
        self.name = ""

    def flagged(self, path: str) -> list[str] | None:
        key = self._found[path]
        if isinstance(key, Unreadable):
            raise PendingRebootError(f"HKLM\\{path}: {key.message}")
        return None if isinstance(key, Absent) else list(key.values)

    def write_flag(self, path: str, name: str) -> None:
        self.written.append(path)
        self.name = name
