# SPDX-License-Identifier: Apache-2.0
"""Installs what tests of the collection run: two versions of Ansible, the tools, and ansible.windows; below .cache."""

from __future__ import annotations

import os
import sys
import tempfile
import zipfile
from pathlib import Path

from support import environments
from support.environments import CACHE

HERE = Path(__file__).resolve().parent

#: The versions of ansible-core that are tested, and the Python of each: the newest one, the first one with tagged data,
#: and the oldest one that is supported (meta/runtime.yml).
VERSIONS = {"2.21": "3.12", "2.19": "3.12", "2.16": "3.11"}
#: Those of them that tests run on which take long.
ENDS = ("2.21", "2.16")
#: The release of the package `ansible` that ansible.windows is taken from.
COMMUNITY_PACKAGE = "14.5.0"


class Ansible(environments.Installed):
    """An installed Ansible with programs such as `ansible-playbook`, or the tools."""

    def settings(self, home: Path, *collections: Path) -> dict[str, str]:
        """Return the environment in which its programs see nothing of the user: no configuration, no collections.

        Args:
            home: takes the place of the user's home.
            collections: folders that hold `ansible_collections`.
        """
        home.mkdir(parents=True, exist_ok=True)
        (home / "ansible.cfg").touch()  # an empty one keeps that of the machine out
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("ANSIBLE_", "PYTHON"))}
        return kept | {
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(home),
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_HOME": str(home / ".ansible"),
            "ANSIBLE_CONFIG": str(home / "ansible.cfg"),
            "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join(map(str, collections)),
            "ANSIBLE_NOCOLOR": "1",
        }


def ansible(version: str, log: environments.Log = environments.silent) -> Ansible:
    """Return that version of Ansible with the clients of WinRM; raises EnvironmentUnavailableError."""
    requirements = HERE / f"requirements-{version}.txt"
    return Ansible(version, environments.ensure(f"ansible-{version}", requirements, VERSIONS[version], log))


def tools(log: environments.Log = environments.silent) -> Ansible:
    """Return ansible-lint, antsibull-docs and so on, with the newest Ansible; raises EnvironmentUnavailableError."""
    newest = next(iter(VERSIONS))
    requirements = HERE / "requirements-tools.txt"
    return Ansible(newest, environments.ensure("ansible-tools", requirements, VERSIONS[newest], log))


def ansible_windows() -> Path:
    """Return a folder whose `ansible_collections` holds ansible.windows and nothing else.

    Galaxy is not asked: the package `ansible` of PyPI has it, among 50 MB of others that are not kept.

    Raises:
        EnvironmentUnavailableError: it cannot be had.
    """
    folder = CACHE / f"ansible-windows-{COMMUNITY_PACKAGE}"

    def make() -> None:
        with tempfile.TemporaryDirectory(dir=CACHE) as place:
            command = [sys.executable, *environments.PIP, "download", "--no-deps", "--only-binary", ":all:"]
            # Whatever Python runs this: the wheel is only unpacked.
            command += ["--python-version", "3.12", "--dest", place]
            environments.run([*command, f"ansible=={COMMUNITY_PACKAGE}"], "downloading ansible.windows")
            with zipfile.ZipFile(next(Path(place).glob("*.whl"))) as wheel:
                wanted = [name for name in wheel.namelist() if name.startswith("ansible_collections/ansible/windows/")]
                wheel.extractall(folder, wanted)

    return environments.once(folder, make)
