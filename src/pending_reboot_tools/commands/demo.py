# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot demo`: the whole product on a machine that has no Windows at all."""

from __future__ import annotations

import argparse

from pending_reboot import InputError

from .common import Commands, add_command

_DESCRIPTION = """\
Simulate a small fleet, one host for each interesting situation, then scan it, explain it, gate it, reboot what may be
rebooted, verify it, and show before and after. With --disks, read the disks of machines that are switched off instead.

Needs no Windows and no network.
"""

_EPILOG = """\
examples:
  pending-reboot demo
  pending-reboot demo --disks
  pending-reboot demo --keep disks && pending-reboot offline disks/legacy01 --format json
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands, "demo", run, help_="show what the command does", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("--disks", action="store_true", help="show disks in place of a fleet")
    parser.add_argument(
        "--keep", metavar="DIR", help="as --disks; make them in DIR, which must not exist, and keep them"
    )


def run(options: argparse.Namespace) -> int:
    """Show it and return 0."""
    if options.disks or options.keep:
        from ..demo_disks import show as show_disks

        show_disks(options.keep)
        return 0
    try:
        from ..demo_fleet import show as show_fleet
    except ImportError as error:
        raise InputError(
            f"{error.name} is not installed", hint="pip install 'pending-reboot[scan,simulate]'"
        ) from error
    show_fleet()
    return 0
