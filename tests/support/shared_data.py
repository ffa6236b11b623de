# SPDX-License-Identifier: Apache-2.0
"""Public test data that lies beside the repository and is never part of it: real hives, and hives with their logs."""

from __future__ import annotations

import atexit
import json
import lzma
import shutil
import tarfile
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

_DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data"


def shared(*parts: str) -> Path:
    """Return the path of a shared file; skip the test where it is absent."""
    path = _DATA.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"public test data {'/'.join(parts)} does not lie beside the repository (../shared/data)")
    return path


@cache
def _scratch() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pending-reboot-hives-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@cache
def real_hive(name: str) -> Path:
    """Return a real hive (`regipy/SYSTEM_2`), decompressed once per session."""
    packed = shared("hives", *f"{name}.xz".split("/"))
    target = _scratch() / name.replace("/", "_")
    with lzma.open(packed) as source, target.open("wb") as file:
        shutil.copyfileobj(source, file)
    return target


@cache
def expected_values() -> dict[str, dict[str, Any]]:
    """Return what three independent readers agree that the real hives hold."""
    loaded: dict[str, dict[str, Any]] = json.loads(shared("hives", "expected.json").read_text("utf-8"))
    return loaded


@cache
def _replay_cases() -> Path:
    folder = _scratch() / "replay"
    with tarfile.open(shared("hives", "yarp", "replay_cases.tar.xz")) as archive:
        for member in archive.getmembers():
            source = archive.extractfile(member)
            if source is not None:
                target = folder.joinpath(*Path(member.name).parts)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(source.read())
    return folder / "hives_for_tests"


def replay_case(*parts: str) -> Path:
    """Return one of yarp's test hives."""
    return _replay_cases().joinpath(*parts)
