# SPDX-License-Identifier: Apache-2.0
"""Beacon `pending_reboot`: one event when the reboot state changes, and a grain that follows.

    beacons:
      pending_reboot:
        - interval: 300
        - disable_during_state_run: True

The event is `salt/beacon/<minion>/pending_reboot/<state>`; its data is the grain's, and `was`, the state before.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

__virtualname__ = "pending_reboot"

log = logging.getLogger(__name__)

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
    """Return one event when the state is another one than was told last, and have the grains renewed."""
    grain = __grains__.get("reboot_state")
    if not grain:
        return []  # there is nothing to follow: grains_blacklist, or not synced yet
    now = __salt__[_SUMMARY]()
    if (now["state"], now["reasons"]) != (grain["state"], grain["reasons"]):
        # Renewing the grains takes a moment, and empties __context__ when it is done.
        __salt__["event.fire"]({"force_refresh": True}, "grains_refresh")
    told = _told()
    before = told or grain["state"]
    if told != now["state"]:
        _tell(now["state"])
    return [] if before == now["state"] else [{"tag": now["state"], "was": before, **now}]


def _file():
    # Others renew the grain, too, and a reboot ends the minion: what was told must outlive both.
    return Path(__opts__["cachedir"], "pending_reboot_told.json")


def _told():
    try:
        return str(json.loads(_file().read_text("utf-8"))["state"])
    except (OSError, ValueError, KeyError, TypeError):
        return __context__.get(_TOLD)


def _tell(state):
    __context__[_TOLD] = state
    try:
        _file().write_text(json.dumps({"state": state}), "utf-8")
    except OSError as error:
        log.warning("pending_reboot: what was told cannot be kept, it may be told again: %s", error)
