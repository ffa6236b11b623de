# SPDX-License-Identifier: Apache-2.0
"""The C# of the collection is C# 5: what the compiler inside of Windows PowerShell 5.1 understands."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from support.checkout import REPOSITORY

SOURCES = sorted((REPOSITORY / "plugins/module_utils").glob("*.cs"))


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_compiles(source: Path, tmp_path: Path) -> None:
    if not shutil.which("mcs"):
        message = "Mono's C# compiler (mcs, package mono-mcs) is not here"
        if os.environ.get("CI") == "true":
            pytest.fail(message, pytrace=False)
        pytest.skip(message)
    command = ["mcs", "-langversion:5", "-target:library", "-warnaserror", f"-out:{tmp_path / 'out.dll'}", str(source)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
