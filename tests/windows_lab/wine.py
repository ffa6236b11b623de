# SPDX-License-Identifier: Apache-2.0
"""Wine: finding it, installing it, and one prefix (a Windows machine) with its boot."""

from __future__ import annotations

import contextlib
import os
import platform
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import LabError, LabTimeoutError, LabUnavailableError

PACKAGES = ("wine64", "wine", "libwine", "gcc-mingw-w64-x86-64-posix")
COMPILER = "x86_64-w64-mingw32-gcc"
#: Debian keeps the programs themselves out of PATH.
_FOLDERS = ("/usr/lib/wine", "/usr/lib/x86_64-linux-gnu/wine", "/opt/wine-stable/bin")
#: A wineserver without clients lives that long: enough between two commands, and it goes when the tests were killed.
_LINGER = 60


@dataclass(frozen=True)
class Wine:
    """The installed programs."""

    loader: Path
    server: Path
    version: str


def _program(*names: str) -> Path | None:
    candidates = (Path(folder) / name for name in names for folder in _FOLDERS)
    on_path = (Path(found) for name in names if (found := shutil.which(name)))
    return next((path for path in (*candidates, *on_path) if path.is_file()), None)


def find() -> Wine | None:
    """Return the installed Wine, None when there is none."""
    loader, server = _program("wine64"), _program("wineserver64", "wineserver")
    if loader is None or server is None:
        return None
    answer = subprocess.run([loader, "--version"], capture_output=True, text=True, timeout=60, check=False)
    return Wine(loader, server, answer.stdout.strip())


def require(log: Callable[[str], None]) -> Wine:
    """Return Wine with the compiler beside it, installed by apt when they are absent."""
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        raise LabUnavailableError(f"the lab needs Linux on x86-64, this is {platform.system()} on {platform.machine()}")
    wine = find()
    if wine is None or not shutil.which(COMPILER):
        _install(log)
        wine = find()
    if wine is None or not shutil.which(COMPILER):
        raise LabUnavailableError(f"apt installed {' '.join(PACKAGES)}, and still there is no Wine or no {COMPILER}")
    return wine


def _install(log: Callable[[str], None]) -> None:
    wanted = " ".join(PACKAGES)
    if not shutil.which("apt-get"):
        raise LabUnavailableError(f"Wine or {COMPILER} is absent and there is no apt to install {wanted}")
    if os.geteuid() != 0:
        raise LabUnavailableError(f"Wine or {COMPILER} is absent and only root may install {wanted}")
    log(f"installing {wanted}")
    apt = ["apt-get", "-qq", "-o", "DPkg::Lock::Timeout=300"]
    for command in ([*apt, "update"], [*apt, "install", "-y", "--no-install-recommends", *PACKAGES]):
        done = subprocess.run(
            command,
            env={**os.environ, "DEBIAN_FRONTEND": "noninteractive"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        if done.returncode:
            raise LabUnavailableError(f"{' '.join(command[-3:])} failed: {last_line(done.stderr)}")


def last_line(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no message")


def windows_path(path: Path) -> str:
    """Return how Windows programs name a file of this machine: below the drive Z:."""
    return "Z:" + str(path.absolute()).replace("/", "\\")


class Prefix:
    """One Windows machine: a folder, and while it is switched on a wineserver with its services."""

    def __init__(self, wine: Wine, folder: Path) -> None:
        self.wine = wine
        self.folder = folder

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment of a program in it; nothing of the caller's but PATH gets in."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            # Otherwise Wine links folders of the user's home into the prefix.
            "HOME": str(self.folder.parent),
            "LC_ALL": "C.UTF-8",
            "WINEPREFIX": str(self.folder),
            "WINEARCH": "win64",
            "WINESERVER": str(self.wine.server),
            "WINEDEBUG": "-all",
            # No screen, no menu entries on this machine, no download of .NET and HTML engines.
            "DISPLAY": "",
            "WINEDLLOVERRIDES": "winemenubuilder.exe=d;mscoree=d;mshtml=d",
            **(extra or {}),
        }

    def silently(self, *command: str, timeout: float) -> None:
        """Run a Windows program without any output.

        What runs first after the switch-on starts the services, which keep its standard handles: with a pipe there, a
        reader would wait for as long as they live.
        """
        self._wait_for([str(self.wine.loader), *command], " ".join(command), timeout)

    def switch_on(self, timeout: float = 120) -> None:
        """Boot: this is when Windows executes PendingFileRenameOperations."""
        # Foremost the server alone, so that it outlives its first client.
        self._wait_for([str(self.wine.server), f"-p{_LINGER}"], "the start of the wineserver", timeout)
        self.silently("cmd", "/c", "exit", timeout=timeout)

    def switch_off(self, timeout: float = 60) -> None:
        """End everything in it and return when it has ended; the registry is saved, volatile keys are gone."""
        deadline = time.monotonic() + timeout
        self._wait_for([str(self.wine.server), "-k"], "the end of the wineserver", timeout, check=False)
        while left := list(self.processes()):
            if time.monotonic() > deadline:
                raise LabTimeoutError(f"{len(left)} processes are alive {timeout} s after the end of the wineserver")
            if time.monotonic() > deadline - timeout / 2:
                for process in left:
                    end(process)
            time.sleep(0.02)

    def _wait_for(self, command: list[str], what: str, timeout: float, *, check: bool = True) -> None:
        quiet = subprocess.DEVNULL
        try:
            done = subprocess.run(
                command, env=self.environment(), stdin=quiet, stdout=quiet, stderr=quiet, timeout=timeout, check=False
            )
        except subprocess.TimeoutExpired:
            raise LabTimeoutError(f"{what} takes longer than {timeout} s") from None
        if check and done.returncode:
            raise LabError(f"{what} ended with status {done.returncode}")

    def processes(self) -> Iterator[int]:
        """Yield the processes of this prefix, its wineserver included."""
        return processes_below(self.folder)


def processes_below(folder: Path) -> Iterator[int]:
    """Yield the processes, also those that Wine started by itself, whose prefix is this folder or lies in it."""
    for environ in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = environ.read_bytes().split(b"\0")
        except OSError:
            continue  # It ended, or is another user's.
        prefixes = [os.fsdecode(each[11:]) for each in variables if each.startswith(b"WINEPREFIX=")]
        if any(folder == Path(prefix) or folder in Path(prefix).parents for prefix in prefixes):
            yield int(environ.parent.name)


def end(process: int) -> None:
    """End a process, whatever it does."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, signal.SIGKILL)
