# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a fleet from the facts of its hosts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

from ..plugin_utils._ansible.action import PendingRebootAction
from ..plugin_utils._ansible.plain import plain, words
from ..plugin_utils._ansible.report import GATE, PATCHES, PROBLEM, write
from ..plugin_utils.pending_reboot.duration import parse_duration
from ..plugin_utils.pending_reboot.fleet_report import HostReport, host_report
from ..plugin_utils.pending_reboot.policy import parse_time
from ..plugin_utils.pending_reboot.registry import iso


class ActionModule(PendingRebootAction):
    """The action of `reboot_report`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "hosts": {"type": "list", "elements": "str", "required": True},
        "folder": {"type": "path", "required": True},
        "formats": {"type": "list", "elements": "str", "default": ["json", "markdown", "csv"]},
        "fact_name": {"type": "str", "default": "pending_reboot"},
        "max_age": {"type": "str", "default": "1h"},
    }

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Write the files, and return their paths and the hosts."""
        known, now = self.task_vars.get("hostvars", {}), datetime.now(timezone.utc)
        hosts = [self._report(name, known, arguments, now) for name in dict.fromkeys(words(arguments["hosts"]))]
        files = write(hosts, arguments["folder"], words(arguments["formats"]), dry=self._task.check_mode)
        return {"changed": True, "files": files, "hosts": [each.to_dict() for each in hosts]}

    def _report(self, name: str, known: Mapping[str, Any], arguments: Mapping[str, Any], now: datetime) -> HostReport:
        said = known[name] if name in known else {}  # noqa: SIM401 - its get() is another one for unknown hosts
        facts = plain((said.get("ansible_facts") or {}).get(arguments["fact_name"]))
        problem = said.get(PROBLEM)
        if facts and not problem:
            read = parse_time(facts["collected"]["at"], f"facts of {name}")
            oldest = now - parse_duration(arguments["max_age"], "max_age")
            problem = f"was not read since {iso(read)}" if read < oldest else None
        return host_report(
            name,
            facts=None if problem else facts,
            gate=plain(said.get(GATE) or {}),
            patches=plain(said.get(PATCHES) or []),
            problem=str(problem) if problem else None,
        )
