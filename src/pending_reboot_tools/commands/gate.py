# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot gate`: from facts and a policy to a decision."""

from __future__ import annotations

import argparse
from dataclasses import replace

from pending_reboot import InputError, Policy, decide
from pending_reboot.history import History, json_objects, of_host
from pending_reboot.policy import parse_time
from pending_reboot.text import names

from ..policy_file import policy_data, policy_from
from ..render_decisions import RENDERERS
from .common import FORMATS, Commands, add_command, read_text

_DESCRIPTION = """\
Decide whether a machine is rebooted now: none, reboot, defer or blocked, and why.

What could not be read blocks unless the policy says otherwise. With --history the gate never orders the same reboot
again when the last one did not help: it blocks and names what is stuck.
"""

_EPILOG = """\
exit codes:
  0   none: nothing waits for a reboot
  10  reboot: reboot now
  20  blocked: a person has to look
  30  defer: later, when the window opens or the uptime is reached
  2   the command line or an input file cannot be used

a policy (YAML or JSON, every field optional):
  sources: [windows_update, pending_file_rename]   # only these count; default: all
  skip_sources: [intune]
  ignore: ['*\\Temp\\*']                             # file operations that do not count
  strict: false                                    # count clean-up as pending
  on_unknown: block                                # block | reboot | ignore
  min_uptime: 1h
  max_reboots: 2
  max_reboots_within: 1d
  window:
    - rrule: FREQ=WEEKLY;BYDAY=SA,SU
      start: '22:00'
      duration: 4h
      timezone: Europe/Berlin
    - start: 2026-12-24T00:00:00Z
      end: 2026-12-27T00:00:00Z

examples:
  pending-reboot offline /mnt/windows --format json | pending-reboot gate --facts -
  pending-reboot gate --facts facts.json --policy policy.yml --history history.jsonl --record
"""

_EXIT_CODES = {"blocked": 20, "reboot": 10, "defer": 30, "none": 0}


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands,
        "gate",
        run,
        help_="decide from facts whether to reboot now",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--facts",
        metavar="FILE",
        required=True,
        help="facts as --format json prints them, one host a line; - for stdin",
    )
    parser.add_argument("--policy", metavar="FILE", help="YAML or JSON; without it the cautious defaults hold")
    parser.add_argument("--history", metavar="FILE", help="earlier decisions, one a line; need not exist yet")
    parser.add_argument("--record", action="store_true", help="append the decision to --history")
    parser.add_argument("--sources", metavar="ID[,ID...]", help="as in the policy, in its place")
    parser.add_argument("--skip-sources", metavar="ID[,ID...]", help="as in the policy, in its place")
    parser.add_argument("--ignore", metavar="PATTERN", action="append", help="as in the policy, added to it")
    parser.add_argument("--strict", action="store_true", help="as in the policy")
    parser.add_argument("--now", metavar="TIME", help="decide for this time (ISO 8601) instead of the current one")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def run(options: argparse.Namespace) -> int:
    """Print a decision for each host and return the exit code of the gravest."""
    if options.record and not options.history:
        raise InputError("--record needs --history")
    facts = json_objects(read_text(options.facts, "facts"), "facts", where=options.facts)
    if not facts:
        raise InputError("holds no facts", where=options.facts)
    policy = _policy(options)
    history = History(options.history) if options.history else None
    before = history.decisions() if history else []
    now = parse_time(options.now, "--now") if options.now else None
    alone = len(facts) == 1
    decisions = [decide(each, policy, of_host(before, each.get("host"), alone=alone), now) for each in facts]
    if history and options.record:
        history.record(decisions)  # first: a decision that is acted on must not be lost
    print(RENDERERS[options.format]([decision.to_dict() for decision in decisions]))
    actions = {decision.action for decision in decisions}
    return next(code for action, code in _EXIT_CODES.items() if action in actions)


def _policy(options: argparse.Namespace) -> Policy:
    data = policy_data(options.policy) if options.policy else {}
    if options.sources is not None:
        data["sources"] = names(options.sources, "--sources")
    if options.skip_sources is not None:
        data["skip_sources"] = names(options.skip_sources, "--skip-sources")
    policy = policy_from(data)
    return replace(policy, ignore=(*policy.ignore, *(options.ignore or ())), strict=policy.strict or options.strict)
