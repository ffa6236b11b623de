# SPDX-License-Identifier: Apache-2.0
"""The demonstration of disks: the whole way from hives to a decision, on disks that are made for it."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from pending_reboot import Facts, InputError, decide, offline_facts
from pending_reboot.escape import printable

from .render import as_table, wants_colour
from .sample import MACHINES


def show(keep: str | None = None) -> None:
    """Make the disks of machines, in the new folder `keep` or in a temporary one, and show what is read from them.

    Raises:
        InputError: the folder cannot be made.
    """
    folder = Path(keep or tempfile.mkdtemp(prefix="pending-reboot-"))
    try:
        folder.mkdir(parents=True, exist_ok=not keep)
    except OSError as error:
        raise InputError(f"cannot be made: {error.strerror}", where=str(folder)) from error
    try:
        _show(folder)
    finally:
        if not keep:
            shutil.rmtree(folder)


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
