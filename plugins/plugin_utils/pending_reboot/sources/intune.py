# SPDX-License-Identifier: Apache-2.0
"""A restart that the Intune management extension asks for.

References:
    https://github.com/PSAppDeployToolkit/PSAppDeployToolkit (Get-ADTPendingReboot.ps1)
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import KeyQuery
from ..source import Findings, Observations, Source

REBOOT_SETTINGS = KeyQuery(r"SOFTWARE\Microsoft\IntuneManagementExtension\RebootSettings", ("RebootFlag",))


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the flag is not zero."""
    found = Findings(seen)
    key = found.open(REBOOT_SETTINGS)
    flag = found.integer(key, "RebootFlag", REBOOT_SETTINGS.path) if key else None
    found.evidence["RebootFlag"] = flag
    if key and flag:
        found.pending(f"Intune asks for a restart (RebootFlag is {flag})", key=key, identity=["RebootFlag"])
    return found.result("Intune asks for no restart")


SOURCE = Source("intune", "Intune", __name__, 120, evaluate, (REBOOT_SETTINGS,))
