# SPDX-License-Identifier: Apache-2.0
"""Copies of the template machine: made in no time, and cleared away when their tests were killed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from .errors import LabError
from .wine import Prefix, Wine

#: Larger files of Windows itself are shared between copies.
_SHARED_SIZE = 16 * 1024


def copy_machine(template: Path, target: Path) -> None:
    """Copy the machine; Windows' own large files become hard links, where the file system allows it."""
    windows = template / "drive_c/windows"

    def copy(source: str, destination: str) -> None:
        file = Path(source)
        if windows in file.parents and file.stat().st_size > _SHARED_SIZE:
            try:
                os.link(source, destination)
                return
            except OSError:
                pass  # another file system, or one without hard links
        shutil.copy2(source, destination)

    shutil.copytree(template, target, symlinks=True, copy_function=copy)


def remove_abandoned(wine: Wine, machines: Path) -> None:
    """Remove machines whose tests are gone: their folders begin with the number of a process that does not exist."""
    for folder in machines.iterdir():
        owner = folder.name.partition("-")[0]
        if owner.isdigit() and not Path("/proc", owner).exists():
            try:
                Prefix(wine, folder / "prefix").switch_off()
            except LabError:
                continue  # Something in it does not end; the next run tries again.
            shutil.rmtree(folder, ignore_errors=True)
