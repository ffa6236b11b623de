# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot reboot`: gated reboots over WS-Management, in waves that are verified."""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Mapping

from pending_reboot import History, InputError
from pending_reboot.escape import printable
from pending_reboot.rollout import Result, Rollout, waves

from ..policy_file import policy_data, policy_from
from ..render import columns
from ..wsman_fleet import WsmanFleet
from .common import Commands, add_command
from .hosts import CREDENTIALS, add_host_options, targets_of

_DESCRIPTION = """\
Reboot those of the hosts whose gate says so, in waves, over WinRM, and verify each: it answers again, its boot time has
changed, and nothing waits for a reboot any more. A wave that fails stops the later ones.
"""

_EPILOG = f"""\
{CREDENTIALS}
exit codes:
  0   every host is verified, needs nothing, or is put off by its gate
  10  with --test: some host would be rebooted
  20  some host failed, is blocked, was not reached, or was not started because of that
  2   the command line or an input file cannot be used

examples:
  pending-reboot reboot --inventory hosts.yml --policy policy.yml --history reboots.jsonl --test
  pending-reboot reboot --inventory hosts.yml --policy policy.yml --history reboots.jsonl --batch 1,10%
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands, "reboot", run, help_="reboot hosts whose gate says so", description=_DESCRIPTION, epilog=_EPILOG
    )
    add_host_options(parser)
    parser.add_argument("--policy", metavar="FILE", help="YAML or JSON; without it the cautious defaults hold")
    parser.add_argument(
        "--history", metavar="FILE", help="where decisions are kept; needed, because it stops reboot loops"
    )
    parser.add_argument("--batch", default="1,10%", help="sizes of waves, the last one repeats; default: 1,10%%")
    parser.add_argument("--test", action="store_true", help="only tell what would be done")
    parser.add_argument(
        "--max-failures", type=int, default=0, metavar="N", help="failures that are allowed, default: 0"
    )
    limits = parser.add_argument_group("how long it is waited, in seconds")
    limits.add_argument(
        "--back", type=float, default=1800, metavar="SECONDS", help="for a host's return, default: 1800"
    )
    limits.add_argument("--settle", type=float, default=300, metavar="SECONDS", help="until it is clear, default: 300")
    limits.add_argument("--poll", type=float, default=10, metavar="SECONDS", help="between questions, default: 10")


def run(options: argparse.Namespace) -> int:
    """Run the waves, and return the exit code."""
    if not options.history and not options.test:
        raise InputError("--history is needed: without it nothing stops a host from rebooting for ever")
    targets = targets_of(options)
    policy = policy_from(policy_data(options.policy) if options.policy else {})
    history = History(options.history) if options.history else None
    fleet = WsmanFleet(targets, policy, history, backend=options.backend, record=not options.test)
    rollout = Rollout(
        fleet,
        timeout=options.back,
        settle=options.settle,
        poll=options.poll,
        answer=min(15, options.timeout),
        max_failures=options.max_failures,
        test=options.test,
        tell=lambda text: print(printable(text), file=sys.stderr, flush=True),
    )
    results = rollout.run(waves([target.name for target in targets], options.batch))
    print(table(results))
    outcomes = {result.outcome for result in results.values()}
    if outcomes & {"failed", "blocked", "unreachable", "not_started"}:
        return 20
    return 10 if "would_reboot" in outcomes else 0


def table(results: Mapping[str, Result]) -> str:
    """Return one line a host, and how many had which outcome."""
    rows = [(printable(name), result.outcome, printable(result.comment)) for name, result in results.items()]
    counts = Counter(result.outcome for result in results.values())
    told = ", ".join(f"{number} {outcome}" for outcome, number in counts.items())
    return "\n".join([*columns(("HOST", "OUTCOME", "WHY"), rows), "", f"{len(rows)} hosts: {told}"])
