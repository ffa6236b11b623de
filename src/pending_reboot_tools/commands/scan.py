# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot scan`: many hosts over WS-Management."""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any

from pending_reboot import InputError
from pending_reboot_wire.target import Target

from ..progress import Progress
from ..render import as_json
from ..render_fleet import RENDERERS
from ..results import Results
from ..scan import Outcome, Settings, scan
from .common import EXIT_CODES, Commands, add_command, add_facts_options, facts_arguments
from .hosts import CREDENTIALS, add_host_options, count, seconds, targets_of

_DESCRIPTION = """\
Read many Windows hosts over WinRM (WS-Management). No process is started on them.

Every host gets a result: one that refuses, does not answer or breaks off is unknown, with the reason. --output writes
each result as it comes, and --resume goes on where an interrupted run ended.
"""

_EPILOG = f"""\
{CREDENTIALS}
exit codes:
  0   clear everywhere, or only clean-up waits for the next boot
  10  a reboot is pending on some host
  20  nothing is pending, but some host is not known
  2   the command line or an input file cannot be used

examples:
  pending-reboot scan web01 web02:5986 --auth kerberos
  pending-reboot scan --inventory hosts.yml --output reboots.jsonl
  pending-reboot scan --inventory hosts.yml --output reboots.jsonl --resume
  cat hosts.txt | pending-reboot scan - --http --auth ntlm --ask-password --format csv
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands, "scan", run, help_="read many hosts over WinRM", description=_DESCRIPTION, epilog=_EPILOG
    )
    add_host_options(parser)
    speed = parser.add_argument_group("how many at once")
    speed.add_argument("--threads", type=count, default=32, metavar="N", help="in each process, default: 32")
    speed.add_argument("--processes", type=count, metavar="N", help="default: by the number of hosts and processors")
    speed.add_argument("--deadline", type=seconds, default=60, metavar="SECONDS", help="for one host, default: 60")
    add_facts_options(parser)
    parser.add_argument("--output", metavar="FILE", help="write one facts object a line, as results come")
    parser.add_argument("--resume", action="store_true", help="skip the hosts that --output has already")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def run(options: argparse.Namespace) -> int:
    """Scan, and return the exit code of one host that is in the gravest state of all."""
    if options.resume and not options.output:
        raise InputError("--resume needs --output")
    targets = targets_of(options)
    with Results(options.output, resume=options.resume) if options.output else nullcontext() as results:
        before: list[dict[str, Any]] = results.before if results else []
        have = {facts["host"] for facts in before}
        wanted = {target.name for target in targets}
        left = [target for target in targets if target.name not in have]
        found = [facts for facts in before if facts["host"] in wanted]
        progress = Progress(len(left), quiet=options.quiet or not left)
        streamed = options.format == "json" and not options.output
        for outcome in _scanned(left, options):
            if results:
                results.add(outcome.facts)
            if streamed:
                print(as_json(outcome.facts), flush=True)
            else:
                found.append(outcome.facts)
            progress.add(outcome.facts["state"])
        progress.end()
    order = {target.name: number for number, target in enumerate(targets)}
    if not streamed:
        print(RENDERERS[options.format](sorted(found, key=lambda facts: order[facts["host"]])))
    states = {*progress.counts, *(facts["state"] for facts in found)}
    return next((code for state, code in EXIT_CODES.items() if state in states), 0)


def _scanned(targets: Sequence[Target], options: argparse.Namespace) -> Iterator[Outcome]:
    processors = os.cpu_count() or 1
    settings = Settings(
        backend=options.backend,
        threads=options.threads,
        processes=options.processes or max(1, min(processors, len(targets) // 50)),
        deadline=options.deadline,
        facts=facts_arguments(options),
    )
    yield from scan(targets, settings) if targets else ()
