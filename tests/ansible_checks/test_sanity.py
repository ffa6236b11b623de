# SPDX-License-Identifier: Apache-2.0
"""ansible-test sanity, on a git checkout of the collection."""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path

import pytest

from ansible_fleet.fixtures import available, succeed
from ansible_fleet.installation import Ansible
from support import environments
from support.checkout import REPOSITORY
from support.environments import CACHE

#: Not part of the installed collection; Salt's files rely on names that Salt's loader defines.
OTHERS = ("benchmarks/", "salt/", "scripts/", "src/", "tests/")
#: What holds for files of any kind, so also for those.
FOR_ALL = ("empty-init", "line-endings", "no-illegal-filenames", "symlinks")

#: ansible-test fetches get-pip.py from a server of its own. In its place, the pip of Ansible's environment puts the
#: wanted one there, from where this machine's packages come from.
GET_PIP = """\
import subprocess, sys
pip = [{python!r}, "-m", "pip", "--python", sys.executable, "--disable-pip-version-check", "--quiet"]
subprocess.run([*pip, "install", "--no-compile", "pip==25.2"], check=True)
"""
#: It makes nine environments; compiling all that lies in them takes longer than using them. (This is how pip's settings
#: say --no-compile: with "no".)
PIP_SETTINGS = """\
[global]
disable-pip-version-check = true
[install]
no-compile = no
"""

#: Answers validate-modules in the place of PowerShell: which options a module declares, as read without running it.
PWSH = """\
#!{python}
import json, pathlib, sys
sys.path.insert(0, {tests!r})
from support.powershell import module_spec
module = pathlib.Path(json.loads(sys.argv[2])["module_path"])
print(json.dumps(module_spec(module.read_text(encoding="utf-8"))))
"""


@pytest.fixture(scope="session")
def sanity_home(newest_ansible: Ansible) -> Path:
    """The home of ansible-test, where it makes its environments; kept, because that takes a minute."""
    folder = CACHE / f"ansible-test-{newest_ansible.folder.name}"

    def make() -> None:
        script = folder / ".ansible/test/cache/get_pip_25_2.py"
        settings = folder / ".config/pip/pip.conf"
        script.parent.mkdir(parents=True)
        script.write_text(GET_PIP.format(python=newest_ansible.program("python")), encoding="utf-8")
        settings.parent.mkdir(parents=True)
        settings.write_text(PIP_SETTINGS, encoding="utf-8")

    return available(lambda: environments.once(folder, make))


@pytest.fixture(scope="session")
def settings(newest_ansible: Ansible, sanity_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment that ansible-test runs in."""
    programs = tmp_path_factory.mktemp("programs")
    found = newest_ansible.settings(sanity_home)
    if not shutil.which("pwsh"):
        script = programs / "pwsh"
        script.write_text(PWSH.format(python=sys.executable, tests=str(REPOSITORY / "tests")), encoding="utf-8")
        script.chmod(0o755)
    return found | {"PATH": f"{found['PATH']}{os.pathsep}{programs}"}


def sanity(ansible: Ansible, checkout: Path, settings: dict[str, str], *options: str) -> str:
    command = [ansible.program("ansible-test"), "sanity", "--python", "3.12", "--color", "no", *options]
    return succeed(command, checkout, settings)


def test_sanity(newest_ansible: Ansible, checked_out: Path, settings: dict[str, str]) -> None:
    # pslint has a test of its own here; changelog runs an older antsibull-changelog than test_tools.py does.
    skipped = [word for test in ("changelog", "pslint") for word in ("--skip-test", test)]
    without = [word for folder in OTHERS for word in ("--exclude", folder)]
    sanity(newest_ansible, checked_out, settings, *skipped, *without)


def test_sanity_of_all_files(newest_ansible: Ansible, checked_out: Path, settings: dict[str, str]) -> None:
    sanity(newest_ansible, checked_out, settings, *(word for test in FOR_ALL for word in ("--test", test)))


def test_pslint(newest_ansible: Ansible, checked_out: Path, settings: dict[str, str]) -> None:
    if not shutil.which("pwsh"):
        pytest.skip("ansible-test's pslint needs PowerShell (pwsh), which is not here; the scripts are parsed only")
    sanity(newest_ansible, checked_out, settings, "--test", "pslint")
