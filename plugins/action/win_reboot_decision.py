# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads the facts of a host and decides whether it is rebooted now: the gate."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

import yaml
from ansible.errors import AnsibleActionFail

from ..plugin_utils._ansible.facts import FACTS, FactsAction
from ..plugin_utils.pending_reboot import History, InputError, Policy, decide
from ..plugin_utils.pending_reboot.duration import parse_duration
from ..plugin_utils.pending_reboot.gate import BOOT_TIME_SLACK
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
    }

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the decision and the facts that it was made of."""
        policy = policy_from(arguments["policy"])
        history = _history(arguments["history_file"])
        facts = self.facts(arguments)
        decision = replace(decide(facts, policy, history.decisions() if history else ()), host=self.host)
        # A reboot that is not ordered now did not happen, so it is none that counts.
        if history and not self._task.check_mode and (arguments["ordered"] or decision.action != "reboot"):
            history.record([decision])
        rebooted = None
        if arguments["boot_time_before"]:
            before = parse_time(arguments["boot_time_before"], "boot_time_before")
            rebooted = decision.boot_time is not None and decision.boot_time - before > BOOT_TIME_SLACK
        told = {"state": facts.state, "rebooted": rebooted, **decision.to_dict()}
        told["message"] = "; ".join(each.message for each in decision.because)
        return {**told, "ansible_facts": self.with_facts(arguments, facts)["ansible_facts"]}


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
        except yaml.YAMLError as error:
            raise InputError("is no YAML", where="policy.window") from error
    number = content.get("max_reboots")
    if isinstance(number, str) and number.strip().isdecimal():
        content["max_reboots"] = int(number)
    return Policy.from_dict(content, recurrence=recurrence(InputError, parse_duration))


def _history(path: str | None) -> History | None:
    if not path:
        return None
    try:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise AnsibleActionFail(f"{path}: the folder of the history cannot be made: {error.strerror}") from error
    return History(path)
