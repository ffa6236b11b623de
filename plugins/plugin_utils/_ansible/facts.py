# SPDX-License-Identifier: GPL-3.0-or-later
"""What the plugins share that return facts."""

from __future__ import annotations

from typing import Any

from ..pending_reboot import Facts, InputError, facts_from
from ..pending_reboot.local import left_out
from ..pending_reboot.readers.wua import CULPRITS
from .action import READING, PendingRebootAction
from .plain import words

#: Options of a plugin that returns facts.
FACTS: dict[str, Any] = {
    **READING,
    "sources": {"type": "list", "elements": "str", "default": []},
    "skip_sources": {"type": "list", "elements": "str", "default": []},
    "ignore": {"type": "list", "elements": "str", "default": []},
    "strict": {"type": "bool", "default": False},
    "wua": {"type": "str", "choices": ["none", "state", "updates"], "default": "state"},
    "fact_name": {"type": "str", "default": "pending_reboot"},
}


class FactsAction(PendingRebootAction):
    """An action plugin that reads facts; `ARGUMENTS` hold `FACTS`."""

    def facts(self, arguments: dict[str, Any]) -> Facts:
        """Return the facts of the host."""
        skip = left_out(words(arguments["skip_sources"]), arguments["wua"])
        search = arguments["wua"] == "updates"
        if search and arguments["reader"] == "wsman":
            self.warn("wua: updates needs reader: powershell; only the state is asked for")
        return self.read_host(
            arguments,
            lambda reader: facts_from(
                reader,
                sources=words(arguments["sources"]),
                skip=skip,
                ignore=words(arguments["ignore"]),
                strict=arguments["strict"],
            ),
            **({"update_search": CULPRITS} if search else {}),
        )

    def with_facts(self, arguments: dict[str, Any], facts: Facts) -> dict[str, Any]:
        """Return the result that tells the facts, by itself and as facts of the host."""
        name = arguments["fact_name"]
        if not name.isidentifier():
            hint = "use letters, digits and _"
            raise InputError(f"{name!r} cannot be the name of a fact", where="fact_name", hint=hint)
        content = facts.to_dict()
        # ansible.windows.win_reboot_info always has this dictionary, with details beside.
        nothing = dict.fromkeys(("time", "time_epoch", "source", "details"))
        boot = content["last_reboot"] if isinstance(content["last_reboot"], dict) else {}
        return {**content, "last_reboot": {**nothing, **boot}, "ansible_facts": {name: content}}
