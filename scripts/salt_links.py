# SPDX-License-Identifier: Apache-2.0
"""Keep `salt/_utils/pending_reboot/` a mirror of the core: one relative link per Python file.

Salt ships what lies under `_utils` to the minions. Links to files work with every Salt file server; a link to the whole
directory is silently left out by the git one.
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE = Path("plugins/plugin_utils/pending_reboot")
LINKS = Path("salt/_utils/pending_reboot")


def wanted(root: Path) -> dict[Path, str]:
    """Return what each link below `root` points to, by the link's path."""
    links = {}
    for file in sorted((root / CORE).rglob("*.py")):
        link = root / LINKS / file.relative_to(root / CORE)
        links[link] = Path(os.path.relpath(file, link.parent)).as_posix()
    return links


def present(root: Path) -> dict[Path, str | None]:
    """Return the target of each entry that is there, None for what is no link."""
    return {
        path: path.readlink().as_posix() if path.is_symlink() else None
        for path in sorted((root / LINKS).rglob("*"))
        if (path.is_symlink() or not path.is_dir()) and "__pycache__" not in path.parts
    }


def differences(root: Path) -> list[str]:
    """Return one line for each link that is missing, wrong or left over."""
    want, have = wanted(root), present(root)
    lines = []
    for path in sorted(want.keys() | have.keys()):
        name = path.relative_to(root).as_posix()
        if path not in have:
            lines.append(f"{name}: missing")
        elif path not in want:
            lines.append(f"{name}: left over, the core has no such file")
        elif have[path] is None:
            lines.append(f"{name}: a file, must be a link to {want[path]}")
        elif have[path] != want[path]:
            lines.append(f"{name}: points to {have[path]}, must point to {want[path]}")
    return lines


def repair(root: Path) -> None:
    """Make the links what they must be; entries that are right stay untouched."""
    want, have = wanted(root), present(root)
    for path in have:
        if have[path] is None or have[path] != want.get(path):
            path.unlink()
    for path, target in want.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.is_symlink():
            path.symlink_to(target)
    for folder in sorted((root / LINKS).rglob("*"), reverse=True):
        if folder.is_dir() and not folder.is_symlink() and not any(folder.iterdir()):
            folder.rmdir()


def main(arguments: list[str] | None = None, root: Path = ROOT) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(description="Link the core into salt/_utils.")
    parser.add_argument("--check", action="store_true", help="only list what is wrong, exit 1 if anything is")
    options = parser.parse_args(arguments)
    found = differences(root)
    if not options.check:
        try:
            repair(root)
        except OSError as error:
            print(f"error: links cannot be made here: {error}", file=sys.stderr)
            return 1
        print(f"{LINKS.as_posix()}: {len(found)} links renewed, {len(wanted(root))} in all")
        return 0
    if found:
        print(*found, "Run `make links` and commit the result.", sep="\n", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
