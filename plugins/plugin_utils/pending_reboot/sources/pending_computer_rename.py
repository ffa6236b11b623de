# SPDX-License-Identifier: Apache-2.0
"""A computer name that takes effect with the next boot.

The name in use (`ActiveComputerName`, volatile) is compared with the name to be (`ComputerName`), and the host name in
use (`Hostname`) with the one to be (`NV Hostname`). Windows keeps the NetBIOS form in upper case and the host name as
it was typed, so letter case does not count. On a disk only the host names are there; they must be read from the
current control set, another one may hold an older name.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/sysinfoapi/nf-sysinfoapi-setcomputernameexw (the name takes
    effect at the next boot); https://github.com/bcwilhite/PendingReboot/issues/14 (comparing objects, not names)
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import KeyQuery
from ..source import Findings, Observations, Source

_NAME = r"SYSTEM\CurrentControlSet\Control\ComputerName"
ACTIVE = KeyQuery(rf"{_NAME}\ActiveComputerName", ("ComputerName",), volatile=True)
CONFIGURED = KeyQuery(rf"{_NAME}\ComputerName", ("ComputerName",))
TCPIP = KeyQuery(r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters", ("Hostname", "NV Hostname"))


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the name in use differs from the name to be."""
    found = Findings(seen)
    names = {}
    for label, query, value in (
        ("active", ACTIVE, "ComputerName"),
        ("configured", CONFIGURED, "ComputerName"),
        ("hostname", TCPIP, "Hostname"),
        ("nv_hostname", TCPIP, "NV Hostname"),
    ):
        key = found.open(query)
        names[label] = found.text(key, value, query.path) if key else None
    found.evidence.update(names)
    for now, then in (("active", "configured"), ("hostname", "nv_hostname")):
        old, new = names[now], names[then]
        if old and new and old.lower() != new.lower():
            found.pending(f"the computer is renamed from {old} to {new} at the next boot", identity=[then, old, new])
    return found.result("the computer's name is the one in use")


SOURCE = Source("pending_computer_rename", "Computer rename", __name__, 60, evaluate, (ACTIVE, CONFIGURED, TCPIP))
