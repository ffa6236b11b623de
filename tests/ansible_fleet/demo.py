# SPDX-License-Identifier: Apache-2.0
"""The demonstration of the collection: a fleet is patched by hand, gated, rebooted and verified by ansible-playbook."""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from pending_reboot_tools.render import columns

from .host import Host
from .installation import CACHE, ansible_windows
from .machines import LEFT_STUCK, add_host, package, recorded
from .playbook import ROOT, Run, inventory, quick_limits, run, settings

#: What a person would say of each host.
STORIES: Final = {
    "web01": "wants the patch",
    "web02": "wants the patch",
    "client03": "has the patch; only clean-up waits for the next boot",
    "db04": "has the patch; our account may not read one key",
    "db05": "is switched off",
    "app06": "wants the patch; something comes back after every reboot",
    "app07": "wants the patch; does not come back from its reboot",
    "file08": "wants the patch",
}
#: One host first, then those up to app07, then the rest.
SERIAL: Final = "1,6,100%"


def fleet(folder: Path) -> dict[str, dict[str, Any]]:
    """Make the hosts in `folder`, and return their variables for the inventory."""
    special: Mapping[str, tuple[dict[str, Any] | None, dict[str, Any]]] = {
        "client03": (recorded("advisory", patched=True), {}),
        "db04": (recorded("denied", patched=True), {}),
        "db05": (None, {"off": True}),
        "app06": (None, {"installer": LEFT_STUCK}),
        "app07": (None, {"lost": True}),
    }
    hosts = {}
    for name in STORIES:
        machine, behaviour = special.get(name, (None, {}))
        hosts[name] = add_host(folder, name, machine, **behaviour)
    return hosts


def show(program: str) -> None:
    """Run the roll-out with `program` (ansible-playbook), and print what happened to whom and why."""
    folder = CACHE / "demo"  # stays, with the report
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    hosts = fleet(folder / "hosts")
    collections = folder / "collections"
    place = collections / "ansible_collections/pending_reboot/windows"
    place.parent.mkdir(parents=True)
    place.symlink_to(ROOT)
    environment = {
        **os.environ,
        **settings(folder, collections, ansible_windows()),
        "ANSIBLE_DISPLAY_OK_HOSTS": "no",
        "ANSIBLE_DISPLAY_SKIPPED_HOSTS": "no",
        "ANSIBLE_SHOW_TASK_PATH_ON_FAILURE": "no",
        "ANSIBLE_DEPRECATION_WARNINGS": "no",
    }
    before = {name: _state(folder / "hosts" / name) for name in hosts}
    print(f"{len(hosts)} simulated Windows hosts; everything of Ansible is real, and PowerShell is played.\n")
    print(f"$ ansible-playbook pending_reboot.windows.patch_fleet -e pending_reboot_serial={SERIAL}", flush=True)
    done = run(
        program,
        "pending_reboot.windows.patch_fleet",
        inventory(folder, hosts),
        folder,
        environment,
        variables={
            **quick_limits(folder),
            "pending_reboot_packages": [package(folder, flag=True)],
            "pending_reboot_serial": SERIAL,
        },
        show=_Telling(),
    )
    print("\n".join(table(done, before)))


class _Telling:
    """What a reader needs of the output: the tasks that changed something or failed."""

    _WANTED = re.compile(r"changed: |fatal: |NO MORE HOSTS|PLAY \[|Report: ")

    def __init__(self) -> None:
        self._task = ""

    def __call__(self, line: str) -> str:
        """Return what to print for a line."""
        if line.startswith("TASK ["):
            self._task = "\n" + line.replace(" *", "").rstrip("*\n ") + "\n"
        if not self._WANTED.match(line):
            return ""
        task, self._task = self._task, ""
        if line.startswith("PLAY ["):
            return "\n" + line
        return task + line


def _state(folder: Path) -> str:
    return Host(folder).fixture.facts().state


def table(done: Run, before: Mapping[str, str]) -> list[str]:
    """Return the lines of the comparison: each host before and after, what became of it, and why."""
    rows = []
    for name, story in STORIES.items():
        each = done.report[name]
        outcome = each["outcome"] or ("unreachable" if each["comment"].startswith("unreachable") else "not_started")
        rows.append((name, before[name], each["state"], outcome, story))
    whys = [(name, done.report[name]["comment"]) for name in STORIES]
    return [
        "",
        "Before and after:",
        *columns(("HOST", "BEFORE", "AFTER", "OUTCOME", "STORY"), rows),
        "",
        "Why:",
        *columns(("HOST", "BECAUSE"), whys),
    ]


def main() -> None:
    """Show it with the Ansible of this environment."""
    show(str(Path(sys.executable).with_name("ansible-playbook")))
