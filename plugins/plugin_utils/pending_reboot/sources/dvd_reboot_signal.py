# SPDX-License-Identifier: Apache-2.0
"""The value `DVDRebootSignal` in the RunOnce key.

It is read because Salt and several widely copied scripts read it; nobody could say which installer writes it. Its
existence counts.

References:
    https://github.com/saltstack/salt/blob/master/salt/utils/win_system.py (get_pending_dvd_reboot)
"""

from __future__ import annotations

from ..model import SourceResult
from ..registry import KeyQuery
from ..source import Findings, Observations, Source

NAME = "DVDRebootSignal"
RUN_ONCE = KeyQuery(r"SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce", (NAME,))


def evaluate(seen: Observations) -> SourceResult:
    """Return *pending* when the value exists."""
    found = Findings(seen)
    key = found.open(RUN_ONCE)
    if key and found.has(key, NAME, RUN_ONCE.path):
        found.pending(f"an installer left {NAME} in RunOnce", key=key, identity=[NAME])
    return found.result(f"RunOnce has no {NAME}")


SOURCE = Source("dvd_reboot_signal", "DVD reboot signal", __name__, 90, evaluate, (RUN_ONCE,))
