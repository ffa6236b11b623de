# SPDX-License-Identifier: GPL-3.0-or-later
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Writes the report of a fleet at the end of a run, unreachable and failed hosts included."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_report
type: aggregate
version_added: 0.1.0
short_description: Write what the hosts of a run wait for and what became of them
description:
  - Collects the facts of M(pending_reboot.windows.win_pending_reboot_facts) and what became of hosts at the gate, and
    writes C(reboots.json), C(reboots.md) and C(reboots.csv) at the end of the run.
  - Hosts that were not reached or failed are in the report, with the reason. A run without any task of this collection
    writes nothing.
  - "The outcome of a host is what became of it at the gate: C(not_needed), C(rebooted), C(would_reboot), C(deferred),
    C(blocked) or C(failed). Whatever ends the work on a host comes before that: C(failed) when a task failed,
    C(unreachable) when it was not reached, and C(not_started) when the run was stopped before its turn. A host that was
    read and nothing else has none."
requirements:
  - Enable it in C(callbacks_enabled).
author:
  - pending-reboot maintainers (@pending-reboot)
options:
  folder:
    description: Folder on the controller that the files are written to.
    type: path
    default: reports
    env:
      - name: PENDING_REBOOT_REPORT_FOLDER
    ini:
      - section: callback_fleet_report
        key: folder
  formats:
    description: What to write, one or more of V(json), V(markdown) and V(csv).
    type: list
    elements: str
    default: [json, markdown, csv]
    env:
      - name: PENDING_REBOOT_REPORT_FORMATS
    ini:
      - section: callback_fleet_report
        key: formats
"""

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from ansible.plugins.callback import CallbackBase

from ..plugin_utils._ansible.plain import plain
from ..plugin_utils._ansible.report import GATE, PATCHES, gate_of, patches_of, write
from ..plugin_utils.pending_reboot import InputError
from ..plugin_utils.pending_reboot.fleet_report import HostReport, host_report

_ACTIONS = frozenset(f"pending_reboot.windows.{name}" for name in ("win_pending_reboot_facts", "win_reboot_decision"))
_GATE_ROLE = "pending_reboot.windows.reboot_gate"


class _Result(NamedTuple):
    """The result of a task."""

    host: str
    action: str
    #: The role that the task belongs to, empty when it belongs to none.
    role: str
    content: Mapping[str, Any]


class _Play:
    """A play, with all of its batches."""

    def __init__(self) -> None:
        self.hosts: dict[str, None] = {}
        #: Those on which a task has run.
        self.begun: set[str] = set()
        #: A task of this collection has run, or was tried: only then the report is about its hosts.
        self.ours = False


class CallbackModule(CallbackBase):  # type: ignore[misc]
    """Collects while the run goes on."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "pending_reboot.windows.fleet_report"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self) -> None:
        super().__init__()
        self._facts: dict[str, Mapping[str, Any]] = {}
        self._gates: dict[str, Mapping[str, Any]] = {}
        self._patches: dict[str, list[Any]] = {}
        #: The last thing that failed on a host, those on which it was a task of the gate, and why one was not reached.
        self._failed: dict[str, str] = {}
        self._failed_at_gate: set[str] = set()
        self._unreached: dict[str, str] = {}
        #: Why the last task that could have read the host did not, whatever the play made of that.
        self._unread: dict[str, str] = {}
        self._plays: dict[str, _Play] = {}
        self._play = _Play()

    def v2_playbook_on_play_start(self, play: Any) -> None:
        """Keep which hosts the play is about, those of later batches as well."""
        names = play.get_variable_manager().get_vars(play=play).get("ansible_play_hosts_all", [])
        self._play = self._plays.setdefault(play._uuid, _Play())
        self._play.hosts.update(dict.fromkeys(str(name) for name in names))

    def v2_runner_on_ok(self, result: Any) -> None:
        """Keep what a task found, in each round when it is a loop."""
        done = self._result(result)
        rounds = done.content.get("results")
        for each in rounds if isinstance(rounds, list) else [done.content]:
            found = each.get("ansible_facts") if isinstance(each, Mapping) else None
            if isinstance(found, Mapping):
                self._keep(done, found)
            elif isinstance(each, Mapping) and "msg" in each:  # it failed, and failed_when says that this is no failure
                self._keep_unread(done, _message(each))

    def _keep(self, done: _Result, found: Mapping[str, Any]) -> None:
        if done.action in _ACTIONS:
            (self._facts[done.host],) = (plain(facts) for facts in found.values())
        if GATE in found:
            self._gates[done.host] = gate_of(found)
        if PATCHES in found:
            self._patches[done.host] = patches_of(found)

    def _keep_unread(self, done: _Result, why: str) -> None:
        if done.action in _ACTIONS:
            self._unread[done.host] = why

    def v2_runner_on_skipped(self, result: Any) -> None:
        """Keep that the host has begun."""
        self._result(result)

    def v2_runner_on_unreachable(self, result: Any) -> None:
        """Keep why a host was not reached."""
        done = self._result(result)
        self._unreached[done.host] = f"unreachable: {_message(done.content)}"
        self._keep_unread(done, self._unreached[done.host])

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        """Keep why a host failed."""
        done = self._result(result)
        self._keep_unread(done, _message(done.content))
        if ignore_errors:
            return
        self._failed[done.host] = _message(done.content)
        self._failed_at_gate.discard(done.host)
        if done.role == _GATE_ROLE:
            self._failed_at_gate.add(done.host)

    def v2_playbook_on_stats(self, stats: Any) -> None:
        """Write the report, when the run had a task of this collection."""
        plays = [play for play in self._plays.values() if play.ours]
        if not plays:
            return
        begun = {name for play in plays for name in play.begun}
        names = dict.fromkeys(name for play in plays for name in play.hosts)
        hosts = [self._report(name, stats, name in begun) for name in names]
        try:
            files = write(hosts, self.get_option("folder"), list(self.get_option("formats")))
        except InputError as error:
            self._display.warning(f"the report could not be written: {error}")
            return
        self._display.display(f"Report: {', '.join(files.values())}")

    def _report(self, host: str, stats: Any, begun: bool) -> HostReport:
        gate = dict(self._gates.get(host) or {})
        outcome = gate.get("outcome")
        # What a rescue or ignore_errors dealt with is no problem, unless it is the reason that nothing was read.
        ended, problem = None, None
        if stats.failures.get(host):
            ended, problem = "failed", self._failed.get(host)
        elif stats.dark.get(host):
            ended, problem = "unreachable", self._unreached.get(host)
        elif not begun:
            ended, problem = "not_started", "not started, because the run was stopped before"
        elif host not in self._facts:
            problem = self._unread.get(host) or self._unreached.get(host) or self._failed.get(host)
        at_gate = ended == "failed" and host in self._failed_at_gate  # with reboot_gate_fail_when_blocked
        if ended and (outcome == "failed" or (outcome == "blocked" and at_gate)):
            problem = None  # the gate's own comment says it better than the task that failed because of it
        elif ended:
            gate["outcome"] = ended
        return host_report(
            host, facts=self._facts.get(host), gate=gate, patches=self._patches.get(host, []), problem=problem
        )

    def _result(self, result: Any) -> _Result:
        """Return the parts of a result; ansible-core 2.19 and later have public names for them."""
        task = getattr(result, "task", None) or result._task
        host = getattr(result, "host", None) or result._host
        content = getattr(result, "result", None) or result._result
        action = str(task.resolved_action or task.action)
        role = str(getattr(task, "_role", None) or "")  # the check of its arguments is Ansible's own task
        ours = action.startswith("pending_reboot.windows.") or role.startswith("pending_reboot.windows.")
        self._play.ours = self._play.ours or ours
        self._play.begun.add(host.get_name())
        return _Result(host.get_name(), action, role, content)


def _message(content: Mapping[str, Any]) -> str:
    """Return what a task says, without what ansible-core 2.19 and later put before it."""
    return re.sub(r"(Task|Action) failed: ", "", str(content.get("msg", "a task failed")))
