# SPDX-License-Identifier: Apache-2.0
"""Whether this Windows minion waits for a reboot, why, since when and how sure that is; and rebooting it, gated.

    salt '*' pending_reboot.state
    salt -G 'reboot_state:state:pending' pending_reboot.reasons
    salt WEB01 pending_reboot.facts wua=updates

Settings, in the minion's configuration or (except `fixture`) its pillar:

    pending_reboot:
      policy: {on_unknown: block, max_reboots: 1}   # docs/gate.md
      history: 'C:\\ProgramData\\reboots.jsonl'        # where decisions are kept
      fixture: /srv/web01.yml                       # play the Windows machine in this file (docs/salt.md)
"""

from __future__ import annotations

import contextlib
import importlib
import sys

import salt.utils.args
import salt.utils.platform
from salt.exceptions import CommandExecutionError

# What was synced a moment ago counts, not what is in memory.
importlib.invalidate_caches()
sys.modules.pop("pending_reboot_salt", None)
import pending_reboot_salt as shared

_core = shared.core()

__virtualname__ = "pending_reboot"

#: Seconds that a reboot which was ordered may take to begin, beyond its delay.
_UNDER_WAY = 600


def __virtual__():
    return shared.virtual(__opts__, salt.utils.platform.is_windows())


def facts(wua="state", timeout=30, sources=None, skip_sources=None, ignore=None, strict=False, packages=False):
    """Return the facts, as docs/facts.md describes them.

    wua
        what to ask the Windows Update Agent: `none`, its `state`, or also which `updates` wait (slower)
    timeout
        seconds after which a component that does not answer counts as unreadable
    sources, skip_sources
        ids of the sources to ask, or to leave out: a list or comma-separated
    ignore
        patterns of file operations that do not count, such as `*\\Temp\\*`
    strict
        count clean-up at the next boot as pending
    packages
        read the state of every package as well (slow)

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.facts wua=none skip_sources=intune
    """
    with _clear_errors():
        found = shared.facts(
            _core,
            _settings(),
            wua=wua,
            timeout=timeout,
            sources=sources,
            skip=skip_sources,
            ignore=ignore,
            strict=strict,
            packages=packages,
        )
    return shared.told(_core, found)


def state(**options):
    """Return `pending`, `unknown`, `advisory` or `clear`. Takes what `facts` takes.

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.state
    """
    return facts(**salt.utils.args.clean_kwargs(**options))["state"]


def reasons(**options):
    """Return why the machine is pending: a list of `source` and `description`. Takes what `facts` takes.

    When nothing is pending but something could not be read, that is an error, not an empty list.

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.reasons
    """
    found = facts(**salt.utils.args.clean_kwargs(**options))
    if found["state"] == "unknown":
        unread = (
            f"{id_}: {each['description']}" for id_, each in found["sources"].items() if each["state"] == "unknown"
        )
        raise CommandExecutionError(f"it is not known whether a reboot is pending: {'; '.join(unread)}")
    return found["reboot_required_reasons"]


def updates(timeout=120):
    """Return the updates that wait for the reboot: a list of `update_id`, `kb` and `title`.

    What the Windows Update Agent could not tell is an error, not an empty list.

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.updates
    """
    found = facts("updates", timeout, ["windows_update", "windows_update_agent"])
    for result in found["sources"].values():
        why = result["evidence"].get("updates_error") or (result["error"] or {}).get("message")
        if why:
            raise CommandExecutionError(f"the updates are not known: {why}")
    return found["updates"]


def patch_state(patches, saltenv="base"):
    """Return of each patch whether it is missing, installed, or installed and waiting for a reboot (docs/patches.md).

    patches
        descriptions of patches: a mapping, a list of them, or a file with them (a path, or `salt://...`)
    saltenv
        where `salt://` is looked up

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.patch_state salt://patches/ms05-051.yml
        salt '*' pending_reboot.patch_state '{kb: KB902400, package: "Package_for_KB902400~*"}'
    """
    with _clear_errors():
        given = _settings()
        where = patches if isinstance(patches, str) else "patches"
        wanted = _core.patches_from(shared.read(_core, _local(patches, saltenv)), where=where)
        played = shared.fixture(_core, given)
        found = played.patch_states(wanted) if played else _core.local_patch_states(wanted)
        return [shared.told(_core, each) for each in found]


def summary():
    """Return what the grain `reboot_state` holds, read now: from the registry alone, and never an error.

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.summary
    """
    return shared.summary(_core, __opts__)


def flag(update_id, test=False):
    """Flag that an update that was installed by hand waits for the reboot, so that other scanners see it.

    The flag vanishes with the reboot. Flagging twice changes nothing.

    update_id
        the update's GUID or KB number
    test
        only tell what would change

    CLI Example:

    .. code-block:: bash

        salt WEB01 pending_reboot.flag KB902400
    """
    with _clear_errors():
        played = shared.fixture(_core, _settings())
        flagging = played.flag if played else _core.flag_reboot
        return shared.told(_core, flagging(str(update_id), test=bool(test)))


def decide(policy=None, record=False):
    """Return the gate's decision (docs/gate.md): `none`, `reboot`, `defer` or `blocked`, and why.

    policy
        fields of the policy that differ from the minion's settings
    record
        keep the decision in this minion's history, unless it is a reboot: `reboot` records those that it orders

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.decide policy='{on_unknown: ignore}'
    """
    with _clear_errors():
        given = _policy_settings()
        history = shared.history(_core, __opts__, given)
        decision = shared.decide(_core, given, policy, history)
        if record and decision.action != "reboot":
            history.record([decision])
        return shared.told(_core, decision)


def reboot(policy=None, delay=30, message=None, test=False):
    """Reboot when the gate decides so, and only then; return the decision, and whether a reboot was requested.

    One that was requested a moment ago, and has not begun yet, is `under_way` and not requested again.

    policy
        fields of the policy that differ from the minion's settings
    delay
        seconds until Windows goes down, so that the answer still gets out
    message
        what Windows shows to those who are logged on
    test
        only tell what would be done

    CLI Example:

    .. code-block:: bash

        salt -G 'reboot_state:state:pending' pending_reboot.reboot test=True
    """
    with _clear_errors():
        given = _policy_settings()
        shared.check_delay(_core, delay)
        history = shared.history(_core, __opts__, given)
        decision = shared.decide(_core, given, policy, history)
        under_way = _under_way(decision, history, delay)
        requested = decision.action == "reboot" and not test and not under_way
        if not test and not under_way:
            history.record([decision])  # first: a reboot that nobody remembers could be ordered for ever
        if requested:
            _request(given, delay, message or f"pending-reboot: {', '.join(decision.reasons)}")
    if decision.action == "blocked":
        __context__["retcode"] = 1
    return {"decision": shared.told(_core, decision), "requested": requested, "under_way": under_way}


def version():
    """Return the version of the core.

    CLI Example:

    .. code-block:: bash

        salt '*' pending_reboot.version
    """
    return _core.__version__


def _local(patches, saltenv):
    """Return `patches` with a file of the master as a file of this machine."""
    if not isinstance(patches, str) or not patches.startswith("salt://"):
        return patches
    path = __salt__["cp.cache_file"](patches, saltenv)
    if not path:
        raise _core.InputError("is not on the master", where=patches)
    return path


def _request(given, delay, message):
    played = shared.fixture(_core, given)
    if played:
        played.reboot()  # never this machine
    elif not __salt__["system.shutdown"](message, timeout=delay, in_seconds=True, reboot=True):
        raise CommandExecutionError("Windows refused to reboot: see the minion's log; is a shutdown under way?")


def _under_way(decision, history, delay):
    """Tell whether this very reboot was ordered already, and Windows may still be about to begin it."""
    before = shared.part(_core, "history").of_host(history.decisions(), decision.host, alone=True)
    last = max(before, key=lambda each: each["at"], default=None)
    now = decision.to_dict()
    if decision.action != "reboot" or not last or last["action"] != "reboot":
        return False
    if (last["digest"], last["boot_time"]) != (now["digest"], now["boot_time"]):
        return False
    ordered = shared.part(_core, "policy").parse_time(last["at"], "history")
    return (decision.at - ordered).total_seconds() < delay + _UNDER_WAY


def _settings():
    return shared.settings(_core, __opts__, __pillar__)


def _policy_settings():
    """Return the settings; a pillar that could not be rendered may hold a policy that forbids what is asked."""
    errors = __pillar__.get("_errors")
    if errors:
        raise _core.InputError(f"could not be rendered, so the policy is not known: {errors[0]}", where="pillar")
    return _settings()


@contextlib.contextmanager
def _clear_errors():
    """Turn what the core says into the error that Salt shows without a traceback."""
    try:
        yield
    except (_core.PendingRebootError, OSError) as error:
        raise CommandExecutionError(str(error)) from error
