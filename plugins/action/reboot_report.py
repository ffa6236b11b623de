# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes the report of a fleet from the facts of its hosts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, ClassVar

from ..plugin_utils._ansible.action import PendingRebootAction
from ..plugin_utils._ansible.plain import plain, words
from ..plugin_utils._ansible.report import PROBLEM, began, gate_of, patches_of, write
from ..plugin_utils.pending_reboot import InputError
from ..plugin_utils.pending_reboot.duration import parse_duration
from ..plugin_utils.pending_reboot.fleet_report import HostReport, host_report, read_at
from ..plugin_utils.pending_reboot.registry import iso

#: Why a host that is no longer in the play has no facts of this run.
_GONE = "failed or was not reached in this run"


class ActionModule(PendingRebootAction):
    """The action of `reboot_report`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        "hosts": {"type": "list", "elements": "str", "required": True},
        "folder": {"type": "path", "required": True},
        "formats": {"type": "list", "elements": "str", "default": ["json", "markdown", "csv"]},
        "fact_name": {"type": "str", "default": "pending_reboot"},
        "max_age": {"type": "str", "default": ""},
    }

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Write the files, and return their paths and the hosts."""
        run = oldest = began()
        if arguments["max_age"]:  # what was read in this run counts, however long the run takes
            oldest = min(run, datetime.now(timezone.utc) - parse_duration(arguments["max_age"], "max_age"))
        # Those that failed or were not reached, in this play or an earlier one: nothing older stands for them.
        gone = {*self.task_vars.get("ansible_play_hosts_all", ())} - {*self.task_vars.get("ansible_play_hosts", ())}
        known = self.task_vars.get("hostvars", {})
        hosts = []
        for name in dict.fromkeys(words(arguments["hosts"])):
            said = known[name] if name in known else {}  # noqa: SIM401 - its get() is another one for unknown hosts
            since, unread = (run, _GONE) if name in gone else (oldest, None)
            hosts.append(_report(name, said, arguments["fact_name"], since, unread))
        files = write(hosts, arguments["folder"], words(arguments["formats"]), dry=self._task.check_mode)
        return {"changed": True, "files": files, "hosts": [each.to_dict() for each in hosts]}


def _report(host: str, said: Mapping[str, Any], fact: str, oldest: datetime, unread: str | None) -> HostReport:
    """Return the report of a host from what is known of it; `unread` is why it has no facts since `oldest`."""
    gate, problem, facts = gate_of(said), said.get(PROBLEM), None
    found = plain((said.get("ansible_facts") or {}).get(fact))
    if found is not None and not problem:
        try:
            read = read_at(found, f"fact {fact}")
            facts = found if read >= oldest else None
            unread = unread or f"was not read since {iso(read)}"
        except InputError as error:
            problem = str(error)
    if facts is None and not gate.get("comment"):
        problem = problem or unread
    problem = str(problem) if problem else None
    return host_report(host, facts=facts, gate=gate, patches=patches_of(said), problem=problem)
