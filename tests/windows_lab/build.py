# SPDX-License-Identifier: Apache-2.0
"""Builds the lab once, into a cache folder named after everything that goes into it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from . import windows_python, wine
from .errors import LabError, LabUnavailableError

#: Names the folder that holds the builds, instead of .cache/windows-lab in the repository.
VARIABLE = "PENDING_REBOOT_LAB"
_LOCK_TIMEOUT = 1200

Log = Callable[[str], None]


@dataclass(frozen=True)
class Build:
    """A lab that is ready to be started."""

    wine: wine.Wine
    folder: Path
    #: What it took, 0 when it was there already.
    seconds: float

    @property
    def python(self) -> Path:
        """python.exe."""
        return self.folder / "python/python.exe"

    @property
    def template(self) -> Path:
        """The Windows machine that each lab starts as a copy of."""
        return self.folder / "prefix"

    @property
    def bytecode(self) -> Path:
        """Where Windows Python keeps what it compiled: for all labs, and outside of the repository."""
        return self.folder / "bytecode"

    @property
    def machines(self) -> Path:
        """Where the machines lie that run now: on the template's file system, so that they can share its files."""
        return self.folder.parent / "running"


def root() -> Path:
    """Return the folder that holds all builds."""
    return Path(os.environ.get(VARIABLE) or windows_python.REPOSITORY / ".cache/windows-lab").absolute()


def silent(_message: str) -> None:
    """Do not tell."""


def ensure(log: Log = silent) -> Build:
    """Return the lab, built when it is not there; raises LabUnavailableError."""
    installed = wine.require(log)
    version, library = windows_python.library_of(windows_python.linux_python())
    ingredients = [windows_python.PYTHON_WHEEL, windows_python.WHEELS, windows_python.LAUNCHER]
    name = "base-" + key([*ingredients, Path(windows_python.__file__), Path(__file__)], [installed.version, version])
    folder = root() / name
    started = time.monotonic()
    built = build_once(folder, log, lambda target: _build(target, installed, library, log))
    return Build(installed, folder, time.monotonic() - started if built else 0)


def key(files: Iterable[Path], texts: Iterable[str]) -> str:
    """Return a short name for the content of these files and texts."""
    content = hashlib.sha256()
    for part in (*(file.read_bytes() for file in files), *(text.encode() for text in texts)):
        content.update(hashlib.sha256(part).digest())
    return content.hexdigest()[:16]


def build_once(folder: Path, log: Log, build: Callable[[Path], None]) -> bool:
    """Have `build` make the folder unless it is there; only what is complete ever bears its name."""
    if folder.is_dir():
        return False
    folder.parent.mkdir(parents=True, exist_ok=True)
    with _locked(folder.parent / "lock", log):
        if folder.is_dir():
            return False
        for left in folder.parent.glob("*.part-*"):
            _remove_interrupted(left)
        part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.part-", dir=folder.parent))
        try:
            build(part)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
        part.rename(folder)
    return True


def _remove_interrupted(part: Path) -> None:
    """Remove what a build left, which cannot run any more: its lock was free. Its Windows may."""
    for process in wine.processes_below(part):
        wine.end(process)
    shutil.rmtree(part, ignore_errors=True)


@contextmanager
def _locked(file: Path, log: Log) -> Iterator[None]:
    """Hold the lock; it frees itself when its process ends."""
    deadline = time.monotonic() + _LOCK_TIMEOUT
    with file.open("w") as handle:
        told = False
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise LabUnavailableError(f"another build of the lab runs for {_LOCK_TIMEOUT} s: {file}") from None
                if not told:
                    log("waiting for another build of the lab")
                    told = True
                time.sleep(0.5)
        yield


def _build(target: Path, installed: wine.Wine, library: Path, log: Log) -> None:
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=target) as scratch:
        log("making Windows Python 3.11")
        windows_python.make(target / "python", library, Path(scratch))
    log(f"making a Windows machine with {installed.version}")
    try:
        _make_template(wine.Prefix(installed, target / "prefix"))
    except LabError as error:
        raise LabUnavailableError(f"Wine makes no prefix: {error}") from error


def _make_template(prefix: wine.Prefix) -> None:
    """Let Wine install its Windows 10, and cut its links to this machine's devices and home folders."""
    try:
        prefix.silently("wineboot", "--init", timeout=300)
        prefix.silently("winecfg", "-v", "win10", timeout=60)
    finally:
        prefix.switch_off()
    for link in (prefix.folder / "drive_c/users").rglob("*"):
        if link.is_symlink():
            link.unlink()
            link.mkdir()
    for device in (prefix.folder / "dosdevices").iterdir():
        if device.name not in ("c:", "z:"):
            device.unlink()
