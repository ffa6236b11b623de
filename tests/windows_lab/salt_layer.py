# SPDX-License-Identifier: Apache-2.0
"""Stock Salt for the lab's Windows Python: a folder of packages beside the lab, built when a test wants it."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import windows_python
from .build import Log, build_once, key, root, silent
from .windows_python import HERE, exactly, install_wheels, library_of, linux_python, pip, run_tool

WHEELS = HERE / "requirements-salt.txt"
SOURCE = HERE / "requirements-salt-source.txt"
BUILD_TOOLS = HERE / "requirements-salt-build.txt"
SHIMS = HERE / "inside/salt_shims"


@dataclass(frozen=True)
class SaltLayer:
    """Salt's packages."""

    folder: Path
    #: What it took to build, 0 when it was there already.
    seconds: float

    @property
    def code_paths(self) -> Sequence[Path]:
        """What Windows Python has to find modules in."""
        return SHIMS, self.folder


def ensure(log: Log = silent) -> SaltLayer:
    """Return the layer, built when it is not there; raises LabUnavailableError."""
    python = linux_python()
    ingredients = [WHEELS, SOURCE, BUILD_TOOLS, Path(windows_python.__file__), Path(__file__)]
    folder = root() / ("salt-" + key(ingredients, [library_of(python)[0]]))
    started = time.monotonic()
    built = build_once(folder, log, lambda target: _build(target, python, log))
    return SaltLayer(folder, time.monotonic() - started if built else 0)


def _build(target: Path, python: Path, log: Log) -> None:
    log("making Salt's packages for Windows")
    install_wheels(WHEELS, target)
    with tempfile.TemporaryDirectory() as scratch:
        wheel = _make_wheel(python, Path(scratch))
        pip("install", "--no-deps", "--no-index", "--target", target, wheel, what="installing Salt")


def _make_wheel(python: Path, scratch: Path) -> Path:
    """Make Salt's wheel with the pinned tools, on the Python version that it is for."""
    run_tool([python, "-m", "venv", "--without-pip", scratch / "venv"], "making a virtual environment")
    there = ("--python", scratch / "venv/bin/python")
    pip(*there, "install", *exactly(BUILD_TOOLS), what="installing the tools that build Salt")
    wheels = scratch / "wheels"
    pip(*there, "wheel", *exactly(SOURCE), "--no-build-isolation", "--wheel-dir", wheels, what="building Salt")
    return next(wheels.glob("salt-*.whl"))
