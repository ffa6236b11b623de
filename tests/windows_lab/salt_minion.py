# SPDX-License-Identifier: Apache-2.0
"""A masterless minion inside the lab."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import LabError
from .machine import Lab
from .wine import windows_path

_FOLDER = r"C:\salt"


class SaltMinion:
    """`salt-call --local` in a lab that was started with the layer's code paths."""

    def __init__(self, lab: Lab, *file_roots: Path, settings: Mapping[str, Any] | None = None) -> None:
        """Configure it to take files from `file_roots`, folders of this machine, with more `settings`."""
        self._lab = lab
        usual = {
            "id": "lab",
            "file_client": "local",
            "root_dir": _FOLDER,
            "file_roots": {"base": [windows_path(each) for each in file_roots]},
            # It runs PowerShell, which Wine does not have.
            "grains_blacklist": ["disks"],
            # Wine cannot make a group the owner of a folder.
            "verify_env": False,
        }
        lab.write_file(rf"{_FOLDER}\conf\minion", json.dumps({**usual, **(settings or {})}).encode())

    def call(self, function: str, *arguments: str, timeout: float = 120) -> Any:
        """Return what a function of an execution module returns. Takes seconds: it loads grains and modules first."""
        command = [f"-c{_FOLDER}\\conf", "--local", "--out=json", "--log-level=error", function, *arguments]
        done = self._lab.run_module("lab_salt_call", *command, timeout=timeout)
        try:
            return json.loads(done.stdout)["local"]
        except (ValueError, KeyError):
            raise LabError(f"salt-call {function} (status {done.returncode}): {done.stdout}{done.stderr}") from None
