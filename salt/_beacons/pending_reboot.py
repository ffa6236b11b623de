# SPDX-License-Identifier: Apache-2.0
"""Beacon `pending_reboot`: one event when the reboot state changes, and a grain that follows.

    beacons:
      pending_reboot:
        - interval: 300
        - disable_during_state_run: True

The event is `salt/beacon/<minion>/pending_reboot/<state>`; its data is the grain's, and `was`, the state before.
"""

from __future__ import annotations

__virtualname__ = "pending_reboot"

_SUMMARY = "pending_reboot.summary"
_TOLD = "pending_reboot.told"


def __virtual__():
    # The core is not imported here: Salt does not set the path of _utils for beacons.
    if _SUMMARY in __salt__:
        return __virtualname__
    return False, "the module pending_reboot is not loaded: it wants a minion that is Windows, or plays one (fixture)"


def validate(config):
    """Tell whether the beacon's configuration can be used; it has no settings of its own."""
    if not isinstance(config, list):
        return False, "Configuration for the pending_reboot beacon must be a list."
    return True, "Valid beacon configuration"


def beacon(config):
    """Return one event when the state is another one than the grain holds, and have the grains renewed."""
    grain = __grains__.get("reboot_state")
    if not grain:
        return []  # there is nothing to follow: grains_blacklist, or not synced yet
    now = __salt__[_SUMMARY]()
    if (now["state"], now["reasons"]) == (grain["state"], grain["reasons"]):
        return []
    # Renewing the grains takes a moment, and empties __context__ when it is done.
    __salt__["event.fire"]({"force_refresh": True}, "grains_refresh")
    before = __context__.get(_TOLD, grain["state"])
    __context__[_TOLD] = now["state"]
    return [] if before == now["state"] else [{"tag": now["state"], "was": before, **now}]
