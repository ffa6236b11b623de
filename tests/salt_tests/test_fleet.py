# SPDX-License-Identifier: Apache-2.0
"""A real master with real minions: targeting by the grain, the beacon, and waves of reboots."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from salt_fleet import machines
from salt_fleet.fixtures import FILES
from salt_fleet.fleet import Fleet, eventually
from salt_fleet.installation import Salt
from salt_fleet.power import GRACE, Power

NAMES = ("web01", "web02", "web03", "web04", "web05")
LIMITS = ("timeout=45", "settle=4", "answer=2")
#: For machines that go down, and for those that have a new boot time at once.
POWERED = (*LIMITS, f"poll={GRACE + 2}")
AT_ONCE = (*LIMITS, "poll=1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files of the machines lie."""
    return tmp_path_factory.mktemp("machines")


@pytest.fixture(scope="module")
def fleet(any_salt: Salt, folder: Path) -> Iterator[Fleet]:
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
        (folder / f"{name}.yml").write_text(contents.get(name, machines.CLEAR))
    fleet.call(list(NAMES), "saltutil.refresh_grains")
    live = fleet.call(list(NAMES), "pending_reboot.summary")

    def known() -> bool:
        report = fleet.runner("pending_reboot.report", "web*")["minions"]
        return all(report[name]["state"] == live[name]["state"] for name in NAMES)

    eventually(known, 20, "the master's cache follows")


def outcomes(run: dict[str, Any]) -> dict[str, str]:
    return {name: each["outcome"] for name, each in run["minions"].items()}


def test_targeting_by_the_grain(fleet: Fleet, folder: Path) -> None:
    become(fleet, folder, web01=machines.PATCHED_BY_HAND, web02=machines.DENIED, web03=machines.ADVISORY)
    by_state = {
        state: sorted(fleet.call(f"G@reboot_state:state:{state}", "test.ping"))
        for state in ("pending", "unknown", "advisory", "clear")
    }
    assert by_state == {
        "pending": ["web01"],
        "unknown": ["web02"],
        "advisory": ["web03"],
        "clear": ["web04", "web05"],
    }
    assert list(fleet.call("web* and G@reboot_state:reasons:update_exe_volatile", "test.ping")) == ["web01"]


def test_the_report_comes_from_the_cache(fleet: Fleet, folder: Path) -> None:
    become(fleet, folder, web01=machines.PATCHED_BY_HAND)
    report = fleet.runner("pending_reboot.report")
    assert report["counts"] == {"pending": 1, "unknown": 1, "advisory": 0, "clear": 4}
    assert report["minions"]["web01"]["reasons"] == ["pending_file_rename", "update_exe_volatile"]
    assert report["minions"]["linux"]["error"] == "the grain reboot_state is not in the master's cache"
    plan = fleet.runner("pending_reboot.plan", "web*", "batch=1,50%", "states=pending,clear")
    assert plan == {"waves": [["web01"], ["web02", "web03"], ["web04", "web05"]], "left_out": {}}
    assert fleet.runner("pending_reboot.plan")["waves"] == [["web01"]]


def test_one_event_for_each_transition(fleet: Fleet, folder: Path) -> None:
    become(fleet, folder)
    time.sleep(2)
    events = fleet.events("salt/beacon/web01/pending_reboot/*")
    for content, state in ((machines.PATCHED_BY_HAND, "pending"), (machines.CLEAR, "clear")):
        (folder / "web01.yml").write_text(content)
        eventually(lambda state=state: fleet.call(f"G@reboot_state:state:{state} and web01", "test.ping"), 25, state)
    time.sleep(4)  # intervals in which nothing changes
    seen = [(tag.rpartition("/")[2], data["was"], data["reasons"]) for tag, data in events.seen()]
    events.stop()
    assert seen == [("pending", "clear", ["pending_file_rename", "update_exe_volatile"]), ("clear", "pending", [])]


def test_nobody_reboots_in_test_mode(fleet: Fleet, folder: Path) -> None:
    become(fleet, folder, web01=machines.PATCHED_BY_HAND, web02=machines.STUCK)
    run = fleet.runner("pending_reboot.patch_fleet", "web*", "batch=1", "test=True", *AT_ONCE)
    assert outcomes(run) == {"web01": "would_reboot", "web02": "would_reboot"}
    assert set(fleet.call("web01", "pending_reboot.state").values()) == {"pending"}


def test_a_wave_fails_with_the_names_and_stops_the_later_ones(fleet: Fleet, folder: Path) -> None:
    """One minion does not come back, one stays pending."""
    waiting = dict.fromkeys(NAMES, machines.PATCHED_BY_HAND) | {"web03": machines.STUCK}
    become(fleet, folder, **waiting)
    files = {name: folder / f"{name}.yml" for name in NAMES}
    with Power(fleet, files, lost=["web02"]) as power:
        done = fleet.run("salt-run", "pending_reboot.patch_fleet", "web*", "batch=1,3", *POWERED)
    fleet.start("web02")
    fleet.wait_for(["web02"])
    assert done.status != 0
    run = done.value
    assert outcomes(run) == {
        "web01": "rebooted",
        "web02": "failed",
        "web03": "failed",
        "web04": "rebooted",
        "web05": "not_started",
    }, run["minions"]
    assert (run["ok"], run["failed"]) == (False, ["web02", "web03"])
    assert run["minions"]["web02"]["comment"] == "did not come back within 45 seconds"
    assert "is back, but still blocked: component_based_servicing" in run["minions"]["web03"]["comment"]
    assert run["minions"]["web05"]["comment"] == "an earlier wave failed: web02, web03"
    assert sorted(power.reboots) == ["web01", "web02", "web03", "web04"], "each once, and web05 never"
    assert fleet.call("web05", "pending_reboot.state") == {"web05": "pending"}


def test_an_orchestration_stops_at_the_failed_wave(fleet: Fleet, folder: Path) -> None:
    become(fleet, folder, web01=machines.STUCK, web02=machines.PATCHED_BY_HAND)
    pillar = "{tgt: 'web*', batch: 1, settle: 3, poll: 1, answer: 2, timeout: 60}"
    done = fleet.run("salt-run", "state.orchestrate", "orch.reboot_pending", f"pillar={pillar}")
    assert done.status != 0
    (steps,) = done.value["data"].values()
    results = {step["__id__"]: (step["result"], step["comment"]) for step in steps.values()}
    assert results["reboot wave 1"][0] is False
    assert results["reboot wave 2"][0] is False
    assert "requisite" in results["reboot wave 2"][1]
    assert fleet.call("web02", "pending_reboot.state") == {"web02": "pending"}


def test_patches_drain_and_health(fleet: Fleet, folder: Path) -> None:
    """A state installs the patch on the wave, then its machines reboot and are asked for their health."""
    become(fleet, folder)
    (folder / "patches.sls").write_text("KB902400:\n  pending_reboot.flagged: []\n")
    (folder / "broken.sls").write_text("broken:\n  test.fail_without_changes: []\n")
    every = ("states=clear,pending", "batch=1", *AT_ONCE)
    run = fleet.runner("pending_reboot.patch_fleet", "L@web01,web02", "tgt_type=compound", "patches=patches", *every)
    assert outcomes(run) == {"web01": "rebooted", "web02": "rebooted"}
    done = fleet.run("salt-run", "pending_reboot.patch_fleet", "web03", "patches=broken", *every)
    assert done.status != 0
    broken = done.value["minions"]["web03"]
    assert broken == {"outcome": "failed", "comment": "failed: test_|-broken_|-broken_|-fail_without_changes"}
    run = fleet.run("salt-run", "pending_reboot.patch_fleet", "web04", "patches=patches", "health=test.false", *every)
    assert run.value["minions"]["web04"]["comment"] == "is back, but unhealthy: test.false: failed: False"


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["wave", "web99"], "no such minion: web99"),
        (["wave", ""], "no minion is given"),
        (["plan", "batch=some"], "batch: 'some' is no size of a wave"),
        (["wave", "web01", "timeout=never"], "timeout: 'never' cannot be used"),
        (["wave", "web01", "tiemout=5"], "unknown option 'tiemout' (known: answer, delay, health,"),
        (["wave", "web01", "health=5"], "health: 5 is no function"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(fleet: Fleet, call: list[str], says: str) -> None:
    done = fleet.run("salt-run", f"pending_reboot.{call[0]}", *call[1:])
    assert done.status != 0
    assert says in done.text
    assert "Traceback" not in done.text
