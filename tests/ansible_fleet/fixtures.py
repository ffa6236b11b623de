# SPDX-License-Identifier: Apache-2.0
"""Ansible and the installed collection as pytest fixtures. A conftest.py makes them known by importing them:
from ansible_fleet.fixtures import *
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from support import checkout
from support.environments import EnvironmentUnavailableError

from . import installation
from .installation import ENDS, VERSIONS, Ansible

__all__ = [
    "ansible_home",
    "any_ansible",
    "checked_out",
    "installed_collection",
    "newest_ansible",
    "newest_or_oldest_ansible",
    "tools",
    "windows_collection",
]

#: All that an installed collection may need.
KEPT = {"meta", "plugins", "roles", "playbooks"}

T = TypeVar("T")


def available(get: Callable[[], T]) -> T:
    """Return what `get` installs; without it the tests are skipped, but the gate's run fails."""
    try:
        return get()
    except EnvironmentUnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"must be there under CI=true: {error}", pytrace=False)
        pytest.skip(str(error))


def succeed(command: Sequence[str | Path], folder: Path, settings: dict[str, str]) -> str:
    """Run a program in `folder`; return its standard output. The test fails with all that it said when it fails."""
    done = subprocess.run(command, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    if done.returncode:
        shown = " ".join(Path(word).name if number == 0 else str(word) for number, word in enumerate(command))
        pytest.fail(f"{shown}: exit status {done.returncode}\n{done.stdout}{done.stderr}", pytrace=False)
    return done.stdout


@pytest.fixture(scope="session", params=VERSIONS)
def any_ansible(request: pytest.FixtureRequest) -> Ansible:
    """Each version of Ansible in turn."""
    return available(lambda: installation.ansible(request.param))


@pytest.fixture(scope="session", params=ENDS)
def newest_or_oldest_ansible(request: pytest.FixtureRequest) -> Ansible:
    """The newest and the oldest version of Ansible in turn."""
    return available(lambda: installation.ansible(request.param))


@pytest.fixture(scope="session")
def newest_ansible() -> Ansible:
    """The newest version of Ansible that is tested."""
    return available(lambda: installation.ansible(next(iter(VERSIONS))))


@pytest.fixture(scope="session")
def tools() -> Ansible:
    """The tools that check a collection."""
    return available(installation.tools)


@pytest.fixture(scope="session")
def windows_collection() -> Path:
    """A folder whose `ansible_collections` holds ansible.windows."""
    return available(installation.ansible_windows)


@pytest.fixture(scope="session")
def ansible_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What Ansible's programs take for the user's home."""
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def checked_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git checkout of the collection where Ansible's tools want it: ansible_collections/pending_reboot/windows."""
    return checkout.copy(tmp_path_factory.mktemp("checkout") / "ansible_collections/pending_reboot/windows")


@pytest.fixture(scope="session")
def installed_collection(
    newest_ansible: Ansible,
    windows_collection: Path,
    checked_out: Path,
    ansible_home: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A folder whose `ansible_collections` holds the collection as built and installed, and ansible.windows beside it.

    Of the collection only meta/, plugins/, roles/ and playbooks/ are left, as the rules for community collections
    demand. MANIFEST.json goes too: names are resolved by the folders, and requires_ansible is read from meta/.
    """
    folder = tmp_path_factory.mktemp("installed")
    galaxy, settings = newest_ansible.program("ansible-galaxy"), newest_ansible.settings(ansible_home, folder)
    succeed([galaxy, "collection", "build", "--output-path", folder], checked_out, settings)
    tarball = next(folder.glob("*.tar.gz"))
    succeed([galaxy, "collection", "install", "--offline", "-p", folder, tarball], folder, settings)
    home = folder / "ansible_collections/pending_reboot/windows"
    for entry in home.iterdir():
        if entry.name not in KEPT:
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    windows = folder / "ansible_collections/ansible/windows"
    windows.parent.mkdir()
    windows.symlink_to(windows_collection / "ansible_collections/ansible/windows")
    return folder
