# SPDX-License-Identifier: Apache-2.0
"""Five web servers that play Windows machines and a Linux minion without one, as a running fleet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from . import machines
from .fixtures import FILES
from .fleet import Fleet, eventually
from .installation import Salt

__all__ = ["NAMES", "become", "folder", "web_fleet"]

NAMES = ("web01", "web02", "web03", "web04", "web05")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of the machines lie."""
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def web_fleet(any_salt: Salt, folder: Path) -> Iterator[Fleet]:
    with Fleet.running(any_salt, [FILES, folder]) as running:
        for name in NAMES:
            (folder / f"{name}.yml").write_text(machines.CLEAR)
            running.start(
                name,
                pending_reboot={"fixture": str(folder / f"{name}.yml")},
                beacons={"pending_reboot": [{"interval": 1}]},
            )
        running.start("linux")
        running.wait_for([*NAMES, "linux"])
        assert len(running.call("*", "saltutil.sync_all", timeout=60)) == 6
        running.runner("saltutil.sync_all")
        yield running


def become(fleet: Fleet, folder: Path, **contents: str) -> None:
    """Have the machines be these, as new ones, and wait until the master knows their states."""
    for name in NAMES:
        (folder / f"{name}.yml.history.jsonl").unlink(missing_ok=True)
        machines.write(folder / f"{name}.yml", contents.get(name, machines.CLEAR))
    fleet.call(list(NAMES), "saltutil.refresh_grains")
    live = fleet.call(list(NAMES), "pending_reboot.summary")

    def known() -> bool:
        report = fleet.runner("pending_reboot.report", "web*")["minions"]
        return all(report[name]["state"] == live[name]["state"] for name in NAMES)

    eventually(known, "the master's cache follows")
