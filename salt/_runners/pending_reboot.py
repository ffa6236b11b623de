# SPDX-License-Identifier: Apache-2.0
"""Reports about a fleet, and gated reboots in waves that verify themselves.

    salt-run pending_reboot.report
    salt-run pending_reboot.plan batch=1,3,100%
    salt-run pending_reboot.patch_fleet 'G@os:Windows' tgt_type=compound batch=10% test=True

Who waits for a reboot is taken from the master's cache of the grain `reboot_state`, which costs no question to any
minion; before it reboots, each minion of a wave decides for itself, on what it reads then.
"""

from __future__ import annotations

import functools
import importlib
import logging
import sys

import salt.client
import salt.utils.args
import salt.utils.minions
from salt.exceptions import SaltException

# What was synced a moment ago counts, not what is in memory.
importlib.invalidate_caches()
sys.modules.pop("pending_reboot_salt", None)
import pending_reboot_salt as shared

_core = shared.core()

log = logging.getLogger(__name__)

_STATES = ("pending", "unknown", "advisory", "clear")
_TIMES = frozenset({"timeout", "settle", "poll", "answer", "max_failures"})
_OPTIONS = _TIMES | {"patches", "health", "delay", "message"}


def _clear_errors(function):
    """Have a runner return its error as `error`, with the retcode set; what it raises is shown with a traceback."""

    @functools.wraps(function)
    def wrapped(*args, **kwargs):
        try:
            return function(*args, **kwargs)
        except _core.PendingRebootError as error:
            return {"error": str(error), "retcode": _retcode(failed=True)}

    return wrapped


@_clear_errors
def report(tgt="*", tgt_type="glob"):
    """Return the reboot state of each minion as the master's cache has it, and how many have which.

    A minion whose grain is not in the cache is `unknown`, with the reason.

    CLI Example:

    .. code-block:: bash

        salt-run pending_reboot.report
    """
    minions = _cached(tgt, tgt_type)
    counts = dict.fromkeys(_STATES, 0)
    for found in minions.values():
        counts[found["state"]] = counts.get(found["state"], 0) + 1
    return {"counts": counts, "minions": minions}


@_clear_errors
def plan(tgt="*", tgt_type="glob", batch=1, states="pending"):
    """Return the waves in which those minions would be rebooted that wait for it according to the cache.

    batch
        how many minions a wave has: a number, a percentage, or several of these of which the last one repeats
        (`1,3,100%`)
    states
        which states of the grain are taken, comma-separated

    CLI Example:

    .. code-block:: bash

        salt-run pending_reboot.plan 'web*' batch=1,25%
    """
    wanted = shared.names(_core, states, "states")
    wrong = sorted(set(wanted) - set(_STATES))
    if wrong or not wanted:
        what = f"{wrong[0]!r} is no state" if wrong else "no state is given"
        raise _core.InputError(what, where="states", hint=f"known: {', '.join(_STATES)}")
    minions = _cached(tgt, tgt_type)
    chosen = [name for name, found in minions.items() if found["state"] in wanted]
    return {
        "waves": shared.part(_core, "rollout").waves(chosen, batch),
        "left_out": {name: found["state"] for name, found in minions.items() if name not in chosen},
    }


@_clear_errors
def wave(minions, policy=None, test=False, **options):
    """Reboot those of the minions that decide to, and verify each; the run fails when one fails.

    Verified means: it answers again, its boot time has changed, its gate has nothing left to do, and it is healthy.

    minions
        their ids, a list or comma-separated
    policy
        fields of the gate's policy that differ from the minions' settings (docs/gate.md)
    test
        only ask what would be done
    options
        those of `patch_fleet`

    CLI Example:

    .. code-block:: bash

        salt-run pending_reboot.wave web01,web02 timeout=1200
    """
    names = _known(_scalar(minions), "list")
    if not names:
        raise _core.InputError("no minion is given")
    return _run([names], policy, test, options)


@_clear_errors
def patch_fleet(tgt="*", tgt_type="glob", batch=1, states="pending", policy=None, test=False, **options):
    """Reboot a fleet in waves; a wave starts when the one before it is verified.

    tgt, tgt_type, batch, states
        as for `plan`; with `patches`, give `states=pending,unknown,advisory,clear` to patch every minion
    policy, test
        as for `wave`
    patches
        a state (SLS) that is applied to a wave before it reboots, such as one that installs patches or drains the host
    health
        functions that tell whether a minion does its work again: names, or mappings of a name to its arguments
        (`[{service.status: [W3SVC]}]`); what is false or an error is unhealthy
    timeout
        seconds from the order to reboot until a minion must be back (1800)
    settle
        seconds a minion that is back has until nothing is pending and it is healthy (300)
    poll
        seconds between two questions (10)
    answer
        seconds a minion has to answer that it is there (15), besides the master's `gather_job_timeout`
    max_failures
        how many minions may fail before no further wave starts (0)
    delay, message
        as for the module's `reboot`

    CLI Example:

    .. code-block:: bash

        salt-run pending_reboot.patch_fleet 'web*' batch=1,10% patches=patches.november health='[test.ping]'
    """
    return _run(plan.__wrapped__(tgt, tgt_type, batch, states)["waves"], policy, test, options)


def version():
    """Return the version of the core on this master.

    CLI Example:

    .. code-block:: bash

        salt-run pending_reboot.version
    """
    return _core.__version__


def _scalar(given):
    """Return what a person wrote: `salt-run` makes a number of an id that looks like one."""
    return given if isinstance(given, (str, list, tuple)) else str(given)


def _known(tgt, tgt_type):
    """Return the ids of the minions that match, of those whose keys are accepted.

    A type of target that is none, a target that cannot be understood, and a minion that is named and unknown are
    errors: a roll-out of nothing must not look like one in which nothing waits.
    """
    check = salt.utils.minions.CkMinions(__opts__)
    if not isinstance(tgt_type, str) or not hasattr(check, f"_check_{tgt_type}_minions"):
        raise _core.InputError(
            f"{tgt_type!r} is no type of target", where="tgt_type", hint="glob, list, compound, grain"
        )
    tgt = _scalar(tgt)
    if tgt_type == "list":
        tgt = list(shared.names(_core, tgt, "minions"))
    found = check.check_minions(tgt, tgt_type)["minions"]
    unknown = sorted(set(tgt) - set(found)) if tgt_type == "list" else []
    if unknown:
        raise _core.InputError(f"no such minion: {', '.join(unknown)}")
    if tgt_type == "compound" and tgt.count("(") != tgt.count(")"):
        raise _core.InputError(f"{tgt!r} has brackets that do not match", where="tgt")
    return [name for name in tgt if name in found] if tgt_type == "list" else found


def _cached(tgt, tgt_type):
    """Return what the master's cache has of the grain, by minion."""
    known = _known(tgt, tgt_type)
    grains = __salt__["cache.grains"](known, "list") if known else {}
    missing = {"state": "unknown", "reasons": [], "error": "the grain reboot_state is not in the master's cache"}
    return {name: (grains.get(name) or {}).get("reboot_state") or dict(missing) for name in sorted(known)}


def _run(waves, policy, test, options):
    """Run waves; return what became of each minion, and set the retcode."""
    options = salt.utils.args.clean_kwargs(**options)
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise _core.InputError(f"unknown option {unknown[0]!r}", hint=f"known: {', '.join(sorted(_OPTIONS))}")
    shared.rules(_core, policy)  # before anything is done to a minion
    shared.check_delay(_core, options.get("delay", 0))
    kept = {name: options.pop(name) for name in _TIMES & options.keys()}
    fleet = _Fleet(policy=policy, test=test, **options)
    results = shared.part(_core, "rollout").Rollout(fleet, test=test, tell=_tell, **kept).run(waves)
    counts = {}
    for result in results.values():
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    failed = [name for name, result in results.items() if result.outcome == "failed"]
    minions = {name: result.to_dict() for name, result in results.items()}
    retcode = _retcode(failed=bool(failed))
    return {"ok": not failed, "failed": failed, "counts": counts, "minions": minions, "retcode": retcode}


def _retcode(failed):
    """Return the retcode, which `salt-run` exits with, and set it for the state `salt.runner`, which looks there."""
    __context__["retcode"] = int(failed)
    return int(failed)


def _tell(text):
    """Tell a person what happens; salt-run prints it among the result, which a program could not read then."""
    log.info(text)
    if not __opts__.get("output"):
        __jid_event__.fire_event({"message": text}, "progress")


class _Fleet:
    """Reaches minions through the master. Satisfies the core's `rollout.Fleet`."""

    #: Seconds until a minion that works on it is asked whether it still does.
    _SECONDS = 60

    def __init__(self, policy=None, test=False, patches=None, health=None, delay=30, message=None):
        self._decide = {"policy": policy, "record": not test}
        self._reboot = {"policy": policy, "delay": delay, "message": message}
        self._patches = {"mods": patches, "test": test} if patches else None
        self._health = [_call(each) for each in (health if isinstance(health, (list, tuple)) else [health]) if each]

    def ping(self, names, seconds):
        return self._ask(names, "test.ping", seconds)

    def prepare(self, names):
        if not self._patches:
            return {name: {} for name in names}
        return self._ask(names, "state.apply", self._SECONDS, self._patches)

    def reboot(self, names):
        return self._ask(names, "pending_reboot.reboot", self._SECONDS, self._reboot)

    def decide(self, names):
        return self._ask(names, "pending_reboot.decide", self._SECONDS, self._decide)

    def health(self, names):
        found = {name: {} for name in names}
        for function, arguments, named in self._health:
            answers = self._ask(names, function, self._SECONDS, kwarg=named, arg=arguments, read=_healthy)
            for name in names:
                answer = answers.get(name, "no answer")
                if isinstance(answer, str):
                    found[name] = f"{function}: {answer}"
        return found

    def finish(self, names):
        self._ask(names, "saltutil.refresh_grains", self._SECONDS)

    @staticmethod
    def _ask(names, function, seconds, kwarg=None, arg=(), read=None):
        """Return what each minion answers, a text when it failed; one that is silent is left out."""
        if not names:
            return {}
        try:
            with salt.client.get_local_client(mopts=__opts__) as client:
                answers = client.cmd(
                    list(names), function, arg, timeout=int(seconds), tgt_type="list", kwarg=kwarg, full_return=True
                )
        except SaltException as error:
            # The master is busy, or restarts: who was asked is asked again, and nothing that was done is forgotten.
            log.warning("pending_reboot: %s could not be asked: %s", function, error)
            return {}
        # One that is silent is False in 3006, and a text with a failure in 3008.
        returned = {name: answer for name, answer in answers.items() if isinstance(answer, dict) and "jid" in answer}
        return {name: (read or _plain)(answer) for name, answer in returned.items()}


def _call(written):
    """Return the function's name, its arguments, and its named arguments."""
    function, given = written, None
    if isinstance(written, dict) and len(written) == 1:
        ((function, given),) = written.items()
    if not isinstance(function, str) or "." not in function or "," in function:
        hint = "write [test.ping], or [{service.status: [W3SVC]}]"
        raise _core.InputError(f"{written!r} is no function with its arguments", where="health", hint=hint)
    if isinstance(given, dict):
        return function, [], given
    return function, given if isinstance(given, list) else [] if given is None else [given], None


def _healthy(answer):
    """Return a mapping for a healthy minion, else what is wrong, as a text."""
    found = answer.get("ret")
    if answer.get("retcode") or not _all_true(found):
        return f"returned {' '.join(str(found).split())}"
    return {}


def _all_true(found):
    """Tell whether nothing in what a function returned says no."""
    if isinstance(found, dict):
        return bool(found) and all(map(_all_true, found.values()))
    return bool(found) and found != "Not Found"  # service.status of a service that is not there


def _plain(answer):
    """Return what a minion returned, as a mapping, or as a text when it is a failure."""
    found = answer.get("ret")
    if isinstance(found, dict) and "decision" not in found and answer.get("retcode"):
        failed = [key for key, state in found.items() if not isinstance(state, dict) or state.get("result") is False]
        return f"failed: {', '.join(failed) or found}"
    if isinstance(found, dict):
        return found
    if found is False or answer.get("retcode"):
        return f"failed: {' '.join(str(found).split())}"
    return {"ret": found}
