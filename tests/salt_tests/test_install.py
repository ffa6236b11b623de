# SPDX-License-Identifier: Apache-2.0
"""The other ways in which the Salt files reach a minion and a master: Salt's git file server, and pip."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pending_reboot._version import VERSION
from salt_fleet import machines
from salt_fleet.fleet import Fleet, eventually
from salt_fleet.installation import REPOSITORY, Salt
from salt_fleet.masterless import Masterless, run


def git(folder: Path, *arguments: str) -> None:
    who = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    for role in ("AUTHOR", "COMMITTER"):
        who |= {f"GIT_{role}_NAME": "test", f"GIT_{role}_EMAIL": "test@example.org"}
    subprocess.run(["git", *arguments], cwd=folder, env={**os.environ, **who}, check=True, capture_output=True)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git repository with the tree that this checkout is; its links stay links."""
    folder = tmp_path_factory.mktemp("git")
    for part in ("salt", "plugins"):
        shutil.copytree(
            REPOSITORY / part, folder / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
        )
    git(folder, "init", "--quiet", "--initial-branch=main")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=a release")
    return folder


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `pip install pending-reboot` installs, without what Salt has already."""
    scratch = tmp_path_factory.mktemp("wheel")
    # Built from a copy, because a build leaves traces in the tree.
    source = scratch / "source"
    wanted = ("pyproject.toml", "README.md", "LICENSE", "plugins", "salt", "src")
    source.mkdir()
    for name in wanted:
        whole = REPOSITORY / name
        copy = shutil.copytree if whole.is_dir() else shutil.copy2
        copy(whole, source / name, **({"symlinks": True} if whole.is_dir() else {}))
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet"]
    subprocess.run([*pip, "wheel", "--no-deps", "--wheel-dir", scratch / "wheels", source], check=True)
    (wheel,) = (scratch / "wheels").glob("pending_reboot-*.whl")
    target = scratch / "site"
    subprocess.run([*pip, "install", "--no-deps", "--target", target, wheel], check=True)
    return target


@pytest.fixture
def from_git(any_salt: Salt, repository: Path, machine: Path, tmp_path: Path) -> Masterless:
    settings = {
        "fileserver_backend": ["gitfs"],
        "gitfs_provider": "gitpython",
        "gitfs_remotes": [{f"file://{repository}": [{"base": "main"}, {"root": "salt"}, {"mountpoint": "salt://"}]}],
        "pending_reboot": {"fixture": str(machine)},
    }
    return Masterless(any_salt, tmp_path / "minion", settings)


def salt_run(salt: Salt, folder: Path, **settings: Any) -> Callable[..., Any]:
    """Return a function that calls a runner; no master has to run for that."""
    (folder / "cachedir/proc").mkdir(parents=True)
    places = {name: str(folder / name) for name in ("cachedir", "pki_dir", "sock_dir", "extension_modules")}
    content = {"root_dir": str(folder), "log_level_logfile": "quiet", **places, **settings}
    (folder / "master").write_text(json.dumps(content))

    def call(*words: str) -> Any:
        done = run([salt.program("salt-run"), "-c", str(folder), "--out=json", "-l", "error", *words], {})
        assert done.value is not None, done.text
        return done.value

    return call


def test_the_git_file_server(from_git: Masterless, machine: Path, repository: Path) -> None:
    synced = from_git.call("saltutil.sync_all")
    core = {
        "utils." + ".".join(file.relative_to(repository / "salt/_utils").with_suffix("").parts)
        for file in (repository / "salt/_utils").rglob("*.py")
    }
    assert set(synced["utils"]) == core, "every file of the core, the links as files"
    machine.write_text(machines.PATCHED_BY_HAND)
    assert from_git.call("pending_reboot.version") == VERSION
    grain = from_git.call("grains.get", "reboot_state")
    assert (grain["state"], grain["version"]) == ("pending", VERSION)
    (gated,) = from_git.call("state.single", "pending_reboot.gated", "gate").values()
    assert gated["changes"]["reboot"]["new"] == "requested, in 30 seconds"
    assert from_git.call("pending_reboot.state") == "clear"


def test_the_git_file_server_of_a_master(any_salt: Salt, repository: Path, tmp_path: Path) -> None:
    remote = {f"file://{repository}": [{"base": "main"}, {"root": "salt"}]}
    settings = {"fileserver_backend": ["gitfs"], "gitfs_provider": "gitpython", "gitfs_remotes": [remote]}
    call = salt_run(any_salt, tmp_path / "master", **settings)
    assert call("fileserver.update") is True
    assert call("saltutil.sync_runners") == ["runners.pending_reboot"]
    assert call("saltutil.sync_utils")
    assert call("pending_reboot.version") == VERSION
    assert "orch/reboot_pending.sls" in call("fileserver.file_list")


def test_pip(any_salt: Salt, installed: Path, machine: Path, tmp_path: Path) -> None:
    """Nothing is synced: every loader finds its file by the entry point, from the minion's first start on."""
    with Fleet.running(any_salt, [], packages=installed) as fleet:
        settings = {"fixture": str(machine)}
        fleet.start("web01", pending_reboot=settings, beacons={"pending_reboot": [{"interval": 1}]})
        fleet.wait_for(["web01"])
        assert fleet.call("web01", "test.versions_information")["web01"]["Salt Extensions"] == {
            "pending-reboot": VERSION
        }
        assert fleet.runner("pending_reboot.version") == VERSION
        assert fleet.runner("pending_reboot.report")["minions"]["web01"]["version"] == VERSION
        events = fleet.events("salt/beacon/web01/pending_reboot/*")
        machines.write(machine, machines.PATCHED_BY_HAND)
        eventually(lambda: fleet.call("G@reboot_state:state:pending", "test.ping"), "the grain follows")
        events.stop()
        assert [tag.rpartition("/")[2] for tag, _ in events.seen()] == ["pending"]
        (gated,) = fleet.call("web01", "state.single", "pending_reboot.gated", "gate")["web01"].values()
        assert gated["changes"]["reboot"]["new"] == "requested, in 30 seconds"
        assert fleet.call("web01", "pending_reboot.state") == {"web01": "clear"}
