# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot inventory-mof`: hardware-inventory classes for SMS and Configuration Manager."""

from __future__ import annotations

import argparse
from pathlib import Path

from pending_reboot import InputError

from ..inventory_mof import PARTS, fragments
from .common import Commands, add_command

_DESCRIPTION = """\
Print MOF classes with which the hardware inventory of SMS or Configuration Manager collects what three registry
sources hold: Windows Update's RebootRequired key, Session Manager's pending file operations, and update.exe's flag.

The inventory keeps what was there when it ran. It weighs nothing, and what it did not collect may still be there.
"""

_EPILOG = """\
how to import (Configuration Manager, current branch):
  1. append the configuration part to "Added extensions" at the end of
     Inboxes\\clifiles.src\\hinv\\configuration.mof, on the top-level site
  2. import the sms-def part: Administration > Client Settings > Default Client
     Settings > Hardware Inventory > Set Classes > Import
For SMS 2003, append both parts to sms_def.mof. More is in docs/inventory-mof.md.

examples:
  pending-reboot inventory-mof
  pending-reboot inventory-mof --part configuration --output data-classes.mof
  pending-reboot inventory-mof --part sms-def --output reporting-classes.mof
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands,
        "inventory-mof",
        run,
        help_="print inventory classes for Configuration Manager",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("--part", choices=(*PARTS, "both"), default="both", help="default: both")
    parser.add_argument("--output", metavar="FILE", help="write a new file, with the line ends of Windows")


def run(options: argparse.Namespace) -> int:
    """Print the classes or write them to a file, and return the exit code."""
    text = fragments(*(PARTS if options.part == "both" else (options.part,)))
    if not options.output:
        print(text, end="")
        return 0
    try:
        # Never over a file that is there: it could be a site's own configuration.mof.
        with Path(options.output).open("x", encoding="ascii", newline="\r\n") as file:
            file.write(text)
    except FileExistsError as error:
        raise InputError("exists already", where=options.output, hint="append its content by hand") from error
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=options.output) from error
    return 0
