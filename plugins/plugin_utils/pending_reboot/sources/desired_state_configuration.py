# SPDX-License-Identifier: Apache-2.0
"""A configuration that PowerShell DSC continues after a reboot.

The Local Configuration Manager says so by its state `PendingReboot`. It has no trace in the registry.

References:
    https://learn.microsoft.com/en-us/powershell/dsc/managing-nodes/metaconfig?view=dsc-1.1
    https://github.com/puppetlabs/puppetlabs-reboot/blob/main/lib/puppet/provider/reboot/windows.rb
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model import SourceResult
from ..probes import DESIRED_STATE
from ..registry import Absent, Unreadable
from ..source import Findings, Observations, Source


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the Local Configuration Manager waits for a reboot."""
    found = Findings(seen)
    answer = found.ask(DESIRED_STATE)
    if isinstance(answer, Mapping):
        state = str(answer.get("lcm_state"))
        found.evidence["lcm_state"] = state
        if state.lower() == "pendingreboot":
            found.pending("a DSC configuration continues after a reboot", identity=[state])
    elif isinstance(answer, Unreadable):
        found.cannot_ask(answer)
    missing = "there is no Local Configuration Manager" if isinstance(answer, Absent) else None
    return found.result("DSC waits for no reboot", not_applicable=missing)


SOURCE = Source(
    "desired_state_configuration", "Desired State Configuration", __name__, 140, evaluate, probes=(DESIRED_STATE,)
)
