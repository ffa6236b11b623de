# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot demo`: the whole way from hives to a decision, on disks that are made for it."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from pathlib import Path

from pending_reboot import Facts, InputError, decide, offline_facts

from ..escape import printable
from ..render import as_table, wants_colour
from ..sample import MACHINES
from .common import Commands, add_command

_DESCRIPTION = """\
Make the disks of four machines that do not exist, read their registry hives, and decide about each of them. Needs no
Windows and no network.
"""

_EPILOG = """\
examples:
  pending-reboot demo
  pending-reboot demo --keep disks && pending-reboot offline disks/legacy01 --format json
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands, "demo", run, help_="show what the command does", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("--keep", metavar="DIR", help="make the disks in DIR, which must not exist, and keep them")


def run(options: argparse.Namespace) -> int:
    """Show every machine and return 0."""
    folder = Path(options.keep or tempfile.mkdtemp(prefix="pending-reboot-"))
    try:
        folder.mkdir(parents=True, exist_ok=not options.keep)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", where=str(folder)) from error
    try:
        _show(folder)
    finally:
        if not options.keep:
            shutil.rmtree(folder)
    return 0


def _show(folder: Path) -> None:
    found: list[tuple[str, Facts]] = []
    for machine in MACHINES:
        volume = machine.write(folder)
        facts = offline_facts(str(volume))
        found.append((machine.story, facts))
    story, facts = found[0]
    print(f"{facts.host}: {story}.\n")
    print(f"$ pending-reboot offline {folder / str(facts.host).lower()}")
    print(as_table(facts.to_dict(), colour=wants_colour(sys.stdout)))
    print("\n$ pending-reboot offline ... --format json | pending-reboot gate --facts -\n")
    for story, facts in found:
        decision = decide(facts)
        print(f"{facts.host}: {story}")
        print(f"  state {facts.state}, decision {decision.action}")
        for because in decision.because[:2]:
            print(f"    {because.code}: {printable(because.message)}")
        if len(decision.because) > 2:
            print(f"    ... and {len(decision.because) - 2} more")
