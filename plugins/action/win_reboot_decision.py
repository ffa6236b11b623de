# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the facts of a host and decides whether it is rebooted now: the gate."""

from __future__ import annotations

import contextlib
import time
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

import yaml
from ansible.errors import AnsibleConnectionFailure

from ..plugin_utils._ansible.facts import FACTS, FactsAction
from ..plugin_utils.pending_reboot import Decision, Facts, History, InputError, PendingRebootError, Policy, decide
from ..plugin_utils.pending_reboot.duration import parse_duration
from ..plugin_utils.pending_reboot.escape import printable
from ..plugin_utils.pending_reboot.gate import boot_changed
from ..plugin_utils.pending_reboot.history import of_host
from ..plugin_utils.pending_reboot.policy import parse_time
from ..plugin_utils.pending_reboot_schedule import recurrence


class ActionModule(FactsAction):
    """The action of `win_reboot_decision`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = {
        **FACTS,
        "policy": {"type": "dict", "default": {}},
        "history_file": {"type": "path"},
        "ordered": {"type": "bool", "default": False},
        "boot_time_before": {"type": "str"},
        "wait": {"type": "int", "default": 0},
        "poll": {"type": "int", "default": 10},
    }

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the decision and the facts that it was made of."""
        if arguments["poll"] < 1:
            raise InputError(f"{arguments['poll']} is no time between two looks", where="poll", hint="from 1 second")
        policy = policy_from(arguments["policy"])
        history = History(arguments["history_file"]) if arguments["history_file"] else None
        before = arguments["boot_time_before"] and parse_time(arguments["boot_time_before"], "boot_time_before")
        facts, decision = self._settled(arguments, policy, history, before)
        # A reboot that is not ordered now did not happen, so it is none that counts.
        if history and not self._task.check_mode and (arguments["ordered"] or decision.action != "reboot"):
            _make_folder(arguments["history_file"])
            history.record([decision])
        return {
            "state": facts.state,
            "rebooted": boot_changed(before, decision.boot_time) if before else None,
            **decision.to_dict(),
            "message": printable("; ".join(each.message for each in decision.because)),
            "ansible_facts": self.with_facts(arguments, facts)["ansible_facts"],
        }

    def _settled(
        self, arguments: dict[str, Any], policy: Policy, history: History | None, before: datetime | None
    ) -> tuple[Facts, Decision]:
        """Return the facts and the decision, read anew until nothing waits any more, or the time to wait is over.

        Raises:
            AnsibleConnectionFailure: the host gave no answer when it was asked last.
            PendingRebootError: it could not be read then.
        """
        # One file may hold several hosts.
        past = of_host(history.decisions(), self.host, alone=True) if history else []
        ends = time.monotonic() + arguments["wait"]
        while True:
            last = time.monotonic() + arguments["poll"] > ends
            try:
                facts = self.facts(arguments)
                decision = replace(decide(facts, policy, past), host=self.host)
                if last or (decision.action == "none" and (before is None or boot_changed(before, decision.boot_time))):
                    return facts, decision
            except InputError:  # of the task, which does not change
                raise
            except (AnsibleConnectionFailure, PendingRebootError):  # a host that has just booted may answer anything
                if last:
                    raise
                with contextlib.suppress(Exception):  # whatever a dead link makes of it, a new one is made
                    self._connection.close()
            time.sleep(arguments["poll"])


def policy_from(data: dict[str, Any]) -> Policy:
    """Return the policy; a window may be YAML text and numbers may be text, as surveys and extra variables give them.

    Raises:
        InputError: it cannot be used.
    """
    content = {name: value for name, value in data.items() if value is not None and value != ""}
    window = content.get("window")
    if isinstance(window, str):
        try:
            content["window"] = yaml.safe_load(window)
        except (yaml.YAMLError, ValueError) as error:  # or holds a date that is none
            raise InputError("is no YAML", where="policy.window", hint="give a list of windows") from error
        if content["window"] is None:  # which would be for always
            raise InputError("holds nothing", where="policy.window", hint="give a list of windows, or leave it out")
    number = content.get("max_reboots")
    if isinstance(number, str) and number.strip().isdecimal():
        content["max_reboots"] = int(number)
    return Policy.from_dict(content, recurrence=recurrence(InputError, parse_duration))


def _make_folder(path: str) -> None:
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"the folder of the history cannot be made: {error.strerror}", where=path) from error
