# SPDX-License-Identifier: Apache-2.0
"""Running a playbook on simulated hosts."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[2]
#: What the connection plugin of the simulated hosts imports.
_PYTHONPATH: Final = [ROOT / "plugins/plugin_utils", ROOT / "src", ROOT / "tests"]
_RECAP: Final = re.compile(r"^(\S+)\s+:((?: +\w+=\d+)+)\s*$", re.MULTILINE)
#: Seconds after which a run is killed.
_LONGEST: Final = 300


@dataclass(frozen=True)
class Run:
    """What a run of a playbook gave."""

    returncode: int
    output: str
    folder: Path

    @property
    def recap(self) -> dict[str, dict[str, int]]:
        """The numbers of each host, such as `{"h1": {"ok": 3, "failed": 0}}`."""
        return {
            name: {key: int(number) for key, _, number in (each.partition("=") for each in numbers.split())}
            for name, numbers in _RECAP.findall(self.output)
        }

    @property
    def report(self) -> dict[str, dict[str, Any]]:
        """The hosts of the report that the callback wrote, by name."""
        content = json.loads((self.folder / "report/reboots.json").read_text("utf-8"))
        return {each["host"]: each for each in content["hosts"]}


def settings(folder: Path, *collections: Path) -> dict[str, str]:
    """Return what the environment of a run needs beside Ansible's own: the connection, the callback, the folders."""
    return {
        "PYTHONPATH": os.pathsep.join(map(str, _PYTHONPATH)),
        "ANSIBLE_CONNECTION_PLUGINS": str(ROOT / "tests/ansible_fleet/connection"),
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, collections)),
        "ANSIBLE_CALLBACKS_ENABLED": "pending_reboot.windows.fleet_report",
        "PENDING_REBOOT_REPORT_FOLDER": str(folder / "report"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_LOCAL_TEMP": str(folder / "home/tmp"),
        "ANSIBLE_NOCOLOR": "1",
        "ANSIBLE_FORKS": "8",
        "no_proxy": "*",
    }


def inventory(folder: Path, hosts: Mapping[str, Mapping[str, Any]], **variables: Any) -> Path:
    """Write an inventory of simulated hosts in the group `windows`, and return its path."""
    path = folder / "inventory.json"
    shared = {"ansible_connection": "simulated_windows", **variables}
    path.write_text(json.dumps({"windows": {"hosts": hosts, "vars": shared}}))
    return path


def quick_limits(folder: Path) -> dict[str, Any]:
    """Return variables of the roles that suit simulated hosts, which are quick."""
    return {
        "reboot_gate_history_file": f"{folder}/history/{{{{ inventory_hostname }}}}.jsonl",
        "reboot_gate_reboot_timeout": 8,
        "reboot_gate_settle": 3,
        "reboot_gate_poll": 1,
        "report_folder": str(folder / "role-report"),
    }


def run(
    program: str,
    playbook: str,
    inventory_file: Path,
    folder: Path,
    environment: Mapping[str, str],
    *words: str,
    variables: Mapping[str, Any] | None = None,
    show: Callable[[str], str] | None = None,
) -> Run:
    """Run a playbook (its path, or its name in a collection), and return what it gave.

    Args:
        program: path of ansible-playbook.
        playbook: path or full name.
        inventory_file: see `inventory`.
        folder: where the files of this run go.
        environment: the whole environment.
        words: more of the command line.
        variables: extra variables.
        show: gives what is printed for each line of the output, as it comes.
    """
    extra = folder / "variables.json"
    extra.write_text(json.dumps(variables or {}))
    command = [program, "-i", str(inventory_file), playbook, "-e", f"@{extra}", *words]
    lines = []
    with subprocess.Popen(
        command, env=dict(environment), cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    ) as process:
        assert process.stdout is not None
        guard = threading.Timer(_LONGEST, process.kill)
        guard.start()
        for line in process.stdout:
            lines.append(line)
            if show:
                sys.stdout.write(show(line))
                sys.stdout.flush()
        guard.cancel()
    return Run(process.returncode, "".join(lines), folder)
