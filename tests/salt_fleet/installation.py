# SPDX-License-Identifier: Apache-2.0
"""Installs the Salt versions that tests use, each into a virtual environment of its own below .cache."""

from __future__ import annotations

import fcntl
import hashlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]

#: The two lines of Salt that are supported; the first one is tested in full.
VERSIONS = ("3008.3", "3006.28")
#: Both run on it, and 3006 on no later one.
PYTHON = "3.11"

_INSTALL_TIMEOUT = 900


class SaltUnavailableError(Exception):
    """Salt cannot be installed here; the message is the reason, in one line."""


@dataclass(frozen=True)
class Salt:
    """An installed Salt."""

    version: str
    folder: Path

    def program(self, name: str) -> str:
        """Return the path of a program, such as `salt-call`."""
        return str(self.folder / "bin" / name)


def ensure(version: str, log: Callable[[str], None] = lambda _text: None) -> Salt:
    """Return that version of Salt, installed when it is not there; raises SaltUnavailableError."""
    requirements = HERE / f"requirements-{version}.txt"
    key = hashlib.sha256(requirements.read_bytes()).hexdigest()[:12]
    folder = REPOSITORY / ".cache" / f"salt-{version}-{key}"
    ready = folder / ".ready"
    if ready.exists():
        return Salt(version, folder)
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            log(f"installing Salt {version}")
            shutil.rmtree(folder, ignore_errors=True)
            python = _run([REPOSITORY / "scripts/find-python", PYTHON], f"finding Python {PYTHON}").strip()
            _run([python, "-m", "venv", folder], "making a virtual environment")
            pip = [folder / "bin/python", "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--no-deps"]
            _run([*pip, "-r", requirements], f"installing Salt {version}")
            ready.touch()
    return Salt(version, folder)


def _run(command: list[str | Path], what: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_INSTALL_TIMEOUT, check=False)
    except subprocess.TimeoutExpired:
        raise SaltUnavailableError(f"{what} takes longer than {_INSTALL_TIMEOUT} s") from None
    if done.returncode:
        lines = (done.stderr or done.stdout).strip().splitlines()
        raise SaltUnavailableError(f"{what} failed: {lines[-1] if lines else f'status {done.returncode}'}")
    return done.stdout
