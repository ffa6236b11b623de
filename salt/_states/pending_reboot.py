# SPDX-License-Identifier: Apache-2.0
"""States that reboot a Windows minion when the gate decides so, and flag that it waits for a reboot.

patched_by_hand:
  pending_reboot.flagged:
    - name: KB902400

reboot_if_needed:
  pending_reboot.gated:
    - policy: {on_unknown: block, max_reboots: 1}
    - order: last
"""

from __future__ import annotations

from salt.exceptions import CommandExecutionError

__virtualname__ = "pending_reboot"

_REBOOT = "pending_reboot.reboot"


def __virtual__():
    if _REBOOT in __salt__:
        return __virtualname__
    return False, "the module pending_reboot is not loaded: it wants a minion that is Windows, or plays one (fixture)"


def gated(name, policy=None, delay=30, message=None):
    """Reboot when the gate decides so, and only then.

    The state is true when nothing waits for a reboot, when one was requested, and when it is deferred (outside of the
    maintenance window, or up for too short a time). It is false when the gate blocks: a person has to look.

    name
        any name
    policy
        fields of the policy that differ from the minion's settings (docs/gate.md)
    delay
        seconds until Windows goes down, so that the states after this one and the answer get through
    message
        what Windows shows to those who are logged on
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": ""}
    try:
        answer = __salt__[_REBOOT](policy=policy, delay=delay, message=message, test=__opts__["test"])
    except CommandExecutionError as error:
        return {**ret, "result": False, "comment": str(error)}
    decision = answer["decision"]
    because = "; ".join(each["message"] for each in decision["because"])
    if decision["action"] == "reboot" and answer["under_way"]:
        ret["comment"] = f"A reboot is requested already: {because}"
    elif decision["action"] == "reboot":
        new = f"requested, in {delay} seconds" if answer["requested"] else "would be requested"
        ret["changes"] = {"reboot": {"old": f"waiting for {', '.join(decision['reasons'])}", "new": new}}
        ret["result"] = None if __opts__["test"] else True
        ret["comment"] = f"A reboot {'is' if answer['requested'] else 'would be'} requested: {because}"
    elif decision["action"] == "defer":
        later = f" until {decision['not_before']}" if decision["not_before"] else ""
        ret["comment"] = f"The reboot is deferred{later}: {because}"
    elif decision["action"] == "blocked":
        ret["result"] = False
        ret["comment"] = f"No reboot without somebody looking: {because}"
    else:
        ret["comment"] = f"No reboot: {because}"
    return ret


def flagged(name):
    """Flag that an update that was installed by hand waits for the reboot; the flag vanishes with it.

    name
        the update's GUID or KB number
    """
    ret = {"name": name, "changes": {}, "result": True, "comment": f"{name} is flagged already"}
    try:
        flag = __salt__["pending_reboot.flag"](name, test=__opts__["test"])
    except CommandExecutionError as error:
        return {**ret, "result": False, "comment": str(error)}
    if flag["changed"]:
        ret["changes"] = {"flagged": {"old": flag["before"], "new": flag["after"]}}
        ret["result"] = None if __opts__["test"] else True
        ret["comment"] = f"{name} {'would be' if __opts__['test'] else 'was'} flagged"
    return ret
