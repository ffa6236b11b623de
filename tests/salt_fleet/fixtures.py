# SPDX-License-Identifier: Apache-2.0
"""Salt as pytest fixtures. A conftest.py makes them known by importing them:
from salt_fleet.fixtures import *
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from .installation import REPOSITORY, VERSIONS, Salt, SaltUnavailableError, ensure
from .masterless import Masterless

__all__ = ["any_minion", "any_salt", "machine", "minion", "newest_salt", "templates"]

#: What users give Salt as file_roots.
FILES = REPOSITORY / "salt"


def installed(version: str) -> Salt:
    """Return Salt; without it the tests are skipped, but the gate's run fails."""
    try:
        return ensure(version)
    except SaltUnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"Salt must be there under CI=true: {error}", pytrace=False)
        pytest.skip(f"no Salt {version}: {error}")


@pytest.fixture(scope="session", params=VERSIONS)
def any_salt(request: pytest.FixtureRequest) -> Salt:
    """Each Salt version in turn."""
    return installed(request.param)


@pytest.fixture(scope="session")
def newest_salt() -> Salt:
    """The newest Salt that is tested."""
    return installed(VERSIONS[0])


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The file of a Windows machine that a minion plays; nothing waits there."""
    file = tmp_path / "web01.yml"
    file.write_text("{host: WEB01, boot_time: 2026-11-20T03:12:00Z}\n")
    return file


def synced(salt: Salt, machine: Path, folder: Path, templates: Path) -> Masterless:
    """Return a minion without a master that has this repository's Salt files and plays `machine`.

    It is synced once and copied, because that takes seconds.
    """
    template = templates / salt.version
    if not template.exists():
        Masterless(salt, template, {"file_roots": {"base": [str(FILES)]}}).call("saltutil.sync_all")
    shutil.copytree(template, folder)
    files = [str(FILES), str(machine.parent / "states")]
    return Masterless(salt, folder, {"file_roots": {"base": files}, "pending_reboot": {"fixture": str(machine)}})


@pytest.fixture(scope="session")
def templates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where synced minions lie that are copied."""
    return tmp_path_factory.mktemp("templates")


@pytest.fixture
def any_minion(any_salt: Salt, machine: Path, tmp_path: Path, templates: Path) -> Masterless:
    """A synced minion of each Salt version in turn."""
    return synced(any_salt, machine, tmp_path / "minion", templates)


@pytest.fixture
def minion(newest_salt: Salt, machine: Path, tmp_path: Path, templates: Path) -> Masterless:
    """A synced minion of the newest Salt."""
    return synced(newest_salt, machine, tmp_path / "minion", templates)
