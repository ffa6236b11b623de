# SPDX-License-Identifier: Apache-2.0
"""Grain `reboot_state`: whether this Windows minion waits for a reboot, for targeting.

    salt -G 'reboot_state:state:pending' test.ping

It reads the registry only, so it is fast and cannot hang. Details come from the module `pending_reboot`.
"""

from __future__ import annotations

import importlib
import sys

import salt.utils.platform

# What was synced a moment ago counts, not what is in memory.
importlib.invalidate_caches()
sys.modules.pop("pending_reboot_salt", None)
import pending_reboot_salt as shared

_core = shared.core()


def __virtual__():
    return shared.virtual(__opts__, salt.utils.platform.is_windows())


def reboot_state():
    """Return the facts in short; the state is `unknown` when it could not be looked."""
    return {"reboot_state": shared.summary(_core, __opts__)}
