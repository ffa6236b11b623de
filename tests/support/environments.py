# SPDX-License-Identifier: Apache-2.0
"""Installs programs that tests run, each set into a virtual environment of its own below .cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
CACHE = REPOSITORY / ".cache"
PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet")

_TIMEOUT = 900

Log = Callable[[str], None]


class EnvironmentUnavailableError(Exception):
    """Something cannot be installed here; the message is the reason, in one line."""


@dataclass(frozen=True)
class Installed:
    """Something that is installed in a virtual environment of its own."""

    version: str
    folder: Path

    def program(self, name: str) -> str:
        """Return the path of a program."""
        return str(self.folder / "bin" / name)


def silent(_text: str) -> None:
    """Tell nobody."""


def ensure(name: str, requirements: Path, python: str, log: Log = silent) -> Path:
    """Return the folder of the virtual environment `name`, made when it is not there.

    Args:
        name: what its folder is called; other requirements make another folder.
        requirements: the full list of what is in it, with versions, because nothing else is installed.
        python: the version of Python, such as 3.12.
        log: called with what takes long.

    Raises:
        EnvironmentUnavailableError: it cannot be made.
    """
    key = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = CACHE / f"{name}-{key}"

    def make() -> None:
        log(f"installing {name}")
        found = run([REPOSITORY / "scripts/find-python", python], f"finding Python {python}").strip()
        run([found, "-m", "venv", folder], "making a virtual environment")
        # Most of it is never imported, so compiling all of it would take longest.
        install = [folder / "bin/python", *PIP, "install", "--no-compile", "--no-deps"]
        run([*install, "-r", requirements], f"installing {name}")

    return once(folder, make)


def once(folder: Path, make: Callable[[], None]) -> Path:
    """Return `folder`; `make` fills it when nobody has done so. Who comes meanwhile waits, half of one is made anew."""
    ready = folder / ".ready"
    if ready.exists():
        return folder
    folder.parent.mkdir(exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            shutil.rmtree(folder, ignore_errors=True)
            make()
            ready.touch()
    return folder


def run(command: Sequence[str | Path], what: str) -> str:
    """Return what a command prints.

    Raises:
        EnvironmentUnavailableError: it failed or takes too long; `what` says what it was for.
    """
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise EnvironmentUnavailableError(f"{what} takes longer than {_TIMEOUT} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise EnvironmentUnavailableError(f"{what} failed: {lines[-1] if lines else f'status {done.returncode}'}")
    return done.stdout
