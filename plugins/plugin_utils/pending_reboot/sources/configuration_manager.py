# SPDX-License-Identifier: Apache-2.0
"""A restart that the Configuration Manager client (SCCM, MECM) asks for.

The client itself answers (`CCM_ClientUtilities.DetermineIfRebootPending`; only with return value 0 does its answer
count). In the registry the key `RebootData` exists while a restart is being counted down. Where there is no client,
the source is not applicable.

References:
    https://learn.microsoft.com/en-us/mem/configmgr/develop/reference/core/clients/sdk/determineifrebootpending-method-in-class-ccm_clientutilities
    https://github.com/dsccommunity/xPendingReboot/issues/26 ("Invalid namespace" means no client)
"""

from __future__ import annotations

from collections.abc import Mapping

from ..model import SourceResult
from ..probes import CONFIGURATION_MANAGER
from ..registry import KeyQuery, Unreadable
from ..source import Findings, Observations, Source

_CLIENT = r"SOFTWARE\Microsoft\SMS\Mobile Client"
CLIENT = KeyQuery(_CLIENT)
REBOOT_DATA = KeyQuery(rf"{_CLIENT}\Reboot Management\RebootData")


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the client says so or counts down to a restart."""
    found = Findings(seen)
    client = found.open(CLIENT)
    data = found.open(REBOOT_DATA)
    if data:
        found.pending("the Configuration Manager client counts down to a restart", key=data, identity=["RebootData"])
    answer = found.ask(CONFIGURATION_MANAGER)
    if isinstance(answer, Mapping):
        _judge(found, answer)
    elif isinstance(answer, Unreadable) and (client or answer.kind != "unsupported"):
        found.cannot_ask(answer)
    installed = client is not None or isinstance(answer, Mapping)
    missing = None if installed else "there is no Configuration Manager client"
    return found.result("the Configuration Manager client asks for no restart", not_applicable=missing)


def _judge(found: Findings, answer: Mapping[str, object]) -> None:
    found.evidence.update(answer)
    code = answer.get("return_value")
    if code != 0:
        number = code if isinstance(code, int) else None
        found.cannot_ask(Unreadable("failed", number, f"DetermineIfRebootPending returned {code}"))
    elif answer.get("reboot_pending") or answer.get("hard_reboot_pending"):
        found.pending("the Configuration Manager client asks for a restart", identity=["client"])


SOURCE = Source(
    "configuration_manager",
    "Configuration Manager client",
    __name__,
    130,
    evaluate,
    (CLIENT, REBOOT_DATA),
    (CONFIGURATION_MANAGER,),
)
