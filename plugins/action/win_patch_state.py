# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether patches are missing, installed, or installed and waiting for a reboot."""

from __future__ import annotations

from typing import Any, ClassVar

from ..plugin_utils._ansible.action import READING, PendingRebootAction
from ..plugin_utils.pending_reboot import patch_states, patches_from
from ..plugin_utils.pending_reboot.escape import printable


class ActionModule(PendingRebootAction):
    """The action of `win_patch_state`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {**READING, "patches": {"type": "raw", "required": True}}

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the state of each patch, and their names by verdict."""
        patches = patches_from(arguments["patches"])
        states = self.read_host(arguments, lambda reader: patch_states(reader, patches))
        by_verdict: dict[str, list[str]] = {
            verdict: [] for verdict in ("missing", "installed", "installed_pending_reboot", "not_applicable", "unknown")
        }
        for state in states:
            by_verdict[state.verdict].append(state.patch.name)
        return {
            "patches": [{**state.to_dict(), "description": printable(state.description)} for state in states],
            "names_by_verdict": by_verdict,
            "reboot_required": bool(by_verdict["installed_pending_reboot"]),
        }
