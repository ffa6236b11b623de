# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a fleet from the facts of its hosts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..plugin_utils._ansible.action import PendingRebootAction
from ..plugin_utils._ansible.plain import plain, words
from ..plugin_utils._ansible.report import GATE, PATCHES, PROBLEM, write
from ..plugin_utils.pending_reboot.fleet_report import HostReport, host_report


class ActionModule(PendingRebootAction):
    """The action of `reboot_report`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "hosts": {"type": "list", "elements": "str", "required": True},
        "folder": {"type": "path", "required": True},
        "formats": {"type": "list", "elements": "str", "default": ["json", "markdown", "csv"]},
        "fact_name": {"type": "str", "default": "pending_reboot"},
    }

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Write the files, and return their paths and the hosts."""
        known = self.task_vars.get("hostvars", {})
        hosts = [self._report(name, known, arguments["fact_name"]) for name in dict.fromkeys(words(arguments["hosts"]))]
        files = write(hosts, arguments["folder"], words(arguments["formats"]), dry=self._task.check_mode)
        return {"changed": True, "files": files, "hosts": [each.to_dict() for each in hosts]}

    def _report(self, name: str, known: Mapping[str, Any], fact: str) -> HostReport:
        said = known.get(name, {})
        problem = said.get(PROBLEM)
        facts = None if problem else (said.get("ansible_facts") or {}).get(fact)
        return host_report(
            name,
            facts=plain(facts) if facts else None,
            gate=plain(said.get(GATE) or {}),
            patches=plain(said.get(PATCHES) or []),
            problem=str(problem) if problem else None,
        )
