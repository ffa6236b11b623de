# SPDX-License-Identifier: GPL-3.0-or-later
"""Returns the facts: has the probe look (or asks WMI), and has the core judge."""

from __future__ import annotations

from typing import Any, ClassVar

from ..plugin_utils._ansible.facts import FACTS, FactsAction


class ActionModule(FactsAction):
    """The action of `win_pending_reboot_facts`."""

    ARGUMENTS: ClassVar[dict[str, Any]] = FACTS

    def answer(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return the facts."""
        return self.with_facts(arguments, self.facts(arguments))
