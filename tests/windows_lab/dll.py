# SPDX-License-Identifier: Apache-2.0
"""Real DLLs with version resources, made by the lab's own compiler."""

from __future__ import annotations

import functools
import subprocess
import tempfile
from pathlib import Path

_TOOLS = "x86_64-w64-mingw32-"
_RESOURCE = """\
#include <winver.h>
1 VERSIONINFO
FILEVERSION {numbers}
PRODUCTVERSION 9,9,9,9
FILETYPE VFT_DLL
BEGIN
  BLOCK "StringFileInfo"
  BEGIN
    BLOCK "040904b0"
    BEGIN
      VALUE "FileVersion", "0.0 (a text that nobody may go by)"
    END
  END
END
"""


@functools.cache
def dll(version: str | None) -> bytes:
    """Return a DLL of this version (`1.2.3.4`), without version resource for None."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        inputs = ["empty.c"]
        (folder / "empty.c").write_text("int nothing;\n")
        if version:
            (folder / "version.rc").write_text(_RESOURCE.format(numbers=version.replace(".", ",")))
            _run(folder, "windres", "version.rc", "-O", "coff", "-o", "version.o")
            inputs.append("version.o")
        _run(folder, "gcc", "-shared", "-nostdlib", "-s", "-Wl,--entry=0", "-o", "made.dll", *inputs)
        return (folder / "made.dll").read_bytes()


def _run(folder: Path, tool: str, *arguments: str) -> None:
    subprocess.run([_TOOLS + tool, *arguments], cwd=folder, check=True, capture_output=True, text=True)
