# SPDX-License-Identifier: Apache-2.0
"""A copy of this repository as it would be committed: what tools leave behind in the checkout is not in it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def files() -> list[str]:
    """Return the files that are committed or could be, links among them."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--deduplicate"]
    found = subprocess.run(command, cwd=REPOSITORY, check=True, capture_output=True, text=True).stdout
    # What was deleted is listed until that is committed.
    return [name for name in found.split("\0") if name and (REPOSITORY / name).exists(follow_symlinks=False)]


def copy(folder: Path) -> Path:
    """Copy them to `folder`, which is then a git checkout of its own, because ansible-test checks links only there."""
    for name in files():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(REPOSITORY / name, target, follow_symlinks=False)
    for command in (["init", "--quiet"], ["add", "--all"]):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    return folder
