# SPDX-License-Identifier: Apache-2.0
"""Large hives to measure with: a real machine's where they lie beside the repository, otherwise made ones."""

from __future__ import annotations

import lzma
import shutil
from pathlib import Path

from pending_reboot.registry import REG_BINARY, Value
from pending_reboot_tools.hive_writer import build_hive
from pending_reboot_tools.sample import healthy

_REAL = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "hives"
_PACKAGES = r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages"


def big_hives(folder: Path) -> tuple[dict[str, str], str]:
    """Write SYSTEM and SOFTWARE to `folder`; return their paths by name, and where they are from."""
    paths = {name: folder / name for name in ("SYSTEM", "SOFTWARE")}
    real = {"SYSTEM": _REAL / "regipy" / "SYSTEM_WIN_10_1709.xz", "SOFTWARE": _REAL / "dfwinreg" / "SOFTWARE.xz"}
    if all(path.is_file() for path in real.values()):
        for name, packed in real.items():
            with lzma.open(packed) as source, paths[name].open("wb") as file:
                shutil.copyfileobj(source, file)
        return {name: str(path) for name, path in paths.items()}, "real machines"
    registry = healthy("BENCH")
    for number in range(4400):
        # The values that every package of a real machine has.
        values = {name: Value.from_text(f"{name} of package {number}") for name in ("InstallClient", "InstallName")}
        values |= {name: Value.from_text(f"{name} of package {number}") for name in ("InstallLocation", "InstallUser")}
        for name in ("SelfUpdate", "Visibility", "InstallTimeHigh", "InstallTimeLow"):
            values[name] = Value.from_integer(number)
        values["CurrentState"] = Value.from_integer(0x70)
        registry.key(rf"{_PACKAGES}\Package_{number}_for_KB{number:07}~31bf3856ad364e35~amd64~~6.3.1.4", values)
    # What nobody asks for makes most of a real hive.
    for hive, megabytes in (("SOFTWARE", 56), ("SYSTEM", 12)):
        for number in range(megabytes):
            registry.key(rf"{hive}\Classes\Filler{number}", {"": Value(REG_BINARY, bytes(2**20))})
    for name, path in paths.items():
        hive = registry.root.child(name)
        assert hive is not None
        path.write_bytes(build_hive(hive, file_name=name))
    return {name: str(path) for name, path in paths.items()}, "made"
