# SPDX-License-Identifier: Apache-2.0
"""A domain join that completes with the next boot.

Netlogon keeps `JoinDomain` and `AvoidSpnSet` below its service key until then. Tools disagree on whether they are
subkeys or values; a real machine had subkeys. Either form counts.

References:
    https://github.com/saltstack/salt/issues/49675 (subkeys, confirmed on a real machine)
    https://github.com/dsccommunity/ComputerManagementDsc/blob/main/source/DSCResources/DSC_PendingReboot
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import KeyQuery
from ..source import Findings, Observations, Source

_NETLOGON = r"SYSTEM\CurrentControlSet\Services\Netlogon"
NAMES = ("JoinDomain", "AvoidSpnSet")
NETLOGON = KeyQuery(_NETLOGON, NAMES)
SUBKEYS = tuple(KeyQuery(rf"{_NETLOGON}\{name}") for name in NAMES)


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when either name exists, as a subkey or as a value."""
    found = Findings(seen)
    forms = []
    for query in SUBKEYS:
        key = found.open(query)
        if key:
            name = query.path.rpartition("\\")[2]
            forms.append(f"{name} (key)")
            found.pending(f"a domain join waits for the next boot ({name})", key=key, identity=[name])
    netlogon = found.open(NETLOGON)
    for name in NAMES:
        if netlogon and found.has(netlogon, name, NETLOGON.path):
            forms.append(f"{name} (value)")
            found.pending(f"a domain join waits for the next boot ({name})", key=netlogon, identity=[name])
    found.evidence["found"] = forms
    return found.result("no domain join waits")


SOURCE = Source("domain_join", "Domain join", __name__, 70, evaluate, (NETLOGON, *SUBKEYS))
