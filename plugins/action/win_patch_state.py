# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells whether patches are missing, installed, or installed and waiting for a reboot."""

from __future__ import annotations

from typing import Any, ClassVar

import yaml

from ..plugin_utils._ansible.action import READING, PendingRebootAction
from ..plugin_utils.pending_reboot import InputError, patch_states, patches_from
from ..plugin_utils.pending_reboot.escape import printable


class ActionModule(PendingRebootAction):
    """The action of `win_patch_state`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {**READING, "patches": {"type": "raw", "required": True}}

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the state of each patch, and their names by verdict."""
        patches = patches_from(described(arguments["patches"]))
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


def described(patches: Any) -> Any:
    """Return descriptions as plain data; text is YAML or JSON, as surveys and `to_json` give it.

    Raises:
        InputError: text that is neither.
    """
    if isinstance(patches, list):
        return [described(each) for each in patches]
    if not isinstance(patches, str):
        return patches
    if "datetime.datetime(" in patches:  # what ansible-core 2.16 makes of a template with times
        hint = "put times in quotes, or to_json behind the template"
        raise InputError("hold a time in Python's notation", where="patches", hint=hint)
    try:
        return yaml.safe_load(patches)
    except (yaml.YAMLError, ValueError) as error:  # the latter for times that do not exist
        raise InputError("are no YAML", where="patches", hint="give a list of descriptions") from error
