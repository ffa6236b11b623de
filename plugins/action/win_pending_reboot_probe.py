# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the probe; asked for nothing, it looks at everything that the sources of this collection read."""

from __future__ import annotations

from typing import Any, ClassVar

from ..plugin_utils._ansible.action import PendingRebootAction
from ..plugin_utils.pending_reboot import facts_from
from ..plugin_utils.pending_reboot.readers.probe import ProbeReader


class ActionModule(PendingRebootAction):
    """The action of `win_pending_reboot_probe`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "registry": {
            "type": "list",
            "elements": "dict",
            "options": {
                "path": {"type": "str", "required": True},
                "view": {"type": "int", "choices": [32, 64], "default": 64},
                "names": {"type": "list", "elements": "str", "default": []},
                "subkeys": {"type": "str"},
                "subkey_names": {"type": "list", "elements": "str", "default": []},
            },
        },
        "files": {
            "type": "list",
            "elements": "dict",
            "options": {
                "path": {"type": "str", "required": True},
                "digest": {"type": "bool", "default": False},
            },
        },
        "components": {
            "type": "list",
            "elements": "str",
            "choices": [
                "boot_time",
                "host",
                "windows_update_agent",
                "windows_update_settings",
                "configuration_manager",
                "desired_state_configuration",
            ],
        },
        "update_search": {"type": "str"},
        "timeout": {"type": "int", "default": 30},
    }

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return what the probe answers."""
        asked = {name: value for name, value in arguments.items() if value is not None}
        if not asked.keys() & {"registry", "files", "components"}:
            reader = ProbeReader()
            facts_from(reader)
            asked |= reader.request() or {}
        return dict(self.probe(asked))
