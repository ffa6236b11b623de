# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot local`: facts of the Windows machine this runs on."""

from __future__ import annotations

import argparse

from pending_reboot import local_facts

from .common import Commands, add_command, add_facts_options, facts_arguments, show

_DESCRIPTION = """\
Tell whether this Windows machine waits for a reboot. Keys are opened with no more rights than a question
needs; what may not be read is "unknown".

The Windows Update Agent is asked through COM, which needs pywin32 (Salt ships it). It refuses network logons, as WinRM
and SSH sessions have them; then its CIM class answers in its place where the system has it.
"""

_EPILOG = """\
examples:
  pending-reboot local
  pending-reboot local --wua updates --format json
  pending-reboot local --wua none --skip-sources desired_state_configuration,configuration_manager
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands, "local", run, help_="read this Windows machine", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument(
        "--wua",
        choices=("none", "state", "updates"),
        default="state",
        help="ask the Windows Update Agent for nothing, its state, or also which updates wait (slower); default: state",
    )
    parser.add_argument("--packages", action="store_true", help="read the state of every package (thousands of keys)")
    parser.add_argument(
        "--timeout", type=float, default=30, metavar="SECONDS", help="how long a component may take; default: 30"
    )
    add_facts_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print the facts and return the exit code."""
    facts = local_facts(
        wua=options.wua,
        timeout=options.timeout,
        **facts_arguments(options),
        packages=options.packages,
    )
    return show([facts.to_dict()], options)
