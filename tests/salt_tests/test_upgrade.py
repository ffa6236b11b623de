# SPDX-License-Identifier: Apache-2.0
"""An upgrade that is synced to running daemons: every loader uses the new core at once, and none a mixture."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from pending_reboot._version import VERSION
from salt_fleet import machines
from salt_fleet.fixtures import FILES
from salt_fleet.fleet import Events, Fleet, eventually
from salt_fleet.installation import Salt

NEW = "9.8.7"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A copy of what users give Salt as file_roots, as a release of it is unpacked: files, no links."""
    return Path(shutil.copytree(FILES, tmp_path / "salt", ignore=shutil.ignore_patterns("__pycache__")))


@pytest.fixture(params=[False, True], ids=["fork", "spawn"])
def fleet(request: pytest.FixtureRequest, any_salt: Salt, files: Path, tmp_path: Path) -> Iterator[Fleet]:
    """A master and a minion whose jobs are forked as on Linux, or started afresh as on Windows."""
    (tmp_path / "web01.yml").write_text(machines.CLEAR)
    with Fleet.running(any_salt, [files], spawn=request.param) as running:
        running.start(
            "web01",
            pending_reboot={"fixture": str(tmp_path / "web01.yml")},
            beacons={"pending_reboot": [{"interval": 1}]},
        )
        running.wait_for(["web01"])
        yield running


def sync(fleet: Fleet) -> None:
    assert fleet.call("web01", "saltutil.sync_all", timeout=60)
    fleet.runner("saltutil.sync_all")


def versions(fleet: Fleet, machine: Path, content: str, events: Events) -> dict[str, str]:
    """Return the version of the core that each loader uses; `content` is what the machine becomes for the beacon."""
    found = {
        "module": fleet.call("web01", "pending_reboot.version")["web01"],
        "grain in a job": fleet.call("web01", "grains.get", "reboot_state:version")["web01"],
        "grain on the master": fleet.runner("pending_reboot.report")["minions"]["web01"]["version"],
        "runner": fleet.runner("pending_reboot.version"),
    }
    before = len(events.seen())
    machines.write(machine, content)
    eventually(lambda: len(events.seen()) > before, "an event of the beacon")
    found["beacon"] = events.seen()[-1][1]["version"]
    return found


def test_every_loader_uses_the_new_core(fleet: Fleet, files: Path, tmp_path: Path) -> None:
    sync(fleet)
    events = fleet.events("salt/beacon/web01/pending_reboot/*")
    old = versions(fleet, tmp_path / "web01.yml", machines.UPDATED, events)
    assert set(old.values()) == {VERSION}, old

    schedule = (files / "_utils/pending_reboot_schedule.py").read_text()
    wrong = "policy={window: [{rrule: FREQ=DAILY, nonsense: 1}]}"
    assert "nonsense" in fleet.run("salt", "web01", "pending_reboot.decide", wrong).text
    version = files / "_utils/pending_reboot/_version.py"
    version.write_text(version.read_text().replace(VERSION, NEW))
    # A part of the core that is imported late must not come from the release before.
    late = files / "_utils/pending_reboot/gate.py"
    late.write_text(late.read_text().replace("nothing waits for a reboot", "nothing at all waits"))
    windows = files / "_utils/pending_reboot_schedule.py"
    windows.write_text(windows.read_text().replace("unknown field", "a field nobody knows"))
    assert windows.read_text() != schedule
    sync(fleet)
    new = versions(fleet, tmp_path / "web01.yml", machines.CLEAR, events)
    assert set(new.values()) == {NEW}, new
    decision = fleet.call("web01", "pending_reboot.decide")["web01"]
    assert decision["because"] == [{"code": "nothing_pending", "message": "nothing at all waits"}]
    assert "nobody knows" in fleet.run("salt", "web01", "pending_reboot.decide", wrong).text
    events.stop()
