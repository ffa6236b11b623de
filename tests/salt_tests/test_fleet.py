# SPDX-License-Identifier: Apache-2.0
"""A real master with real minions: targeting by the grain, the report, and the beacon."""

from __future__ import annotations

import time
from pathlib import Path

from salt_fleet import machines
from salt_fleet.fleet import Fleet, eventually
from salt_fleet.web import become


def test_targeting_by_the_grain(web_fleet: Fleet, folder: Path) -> None:
    become(web_fleet, folder, web01=machines.PATCHED_BY_HAND, web02=machines.DENIED, web03=machines.ADVISORY)
    by_state = {
        state: sorted(web_fleet.call(f"G@reboot_state:state:{state}", "test.ping"))
        for state in ("pending", "unknown", "advisory", "clear")
    }
    assert by_state == {
        "pending": ["web01"],
        "unknown": ["web02"],
        "advisory": ["web03"],
        "clear": ["web04", "web05"],
    }
    assert list(web_fleet.call("web* and G@reboot_state:reasons:update_exe_volatile", "test.ping")) == ["web01"]


def test_the_report_comes_from_the_cache(web_fleet: Fleet, folder: Path) -> None:
    become(web_fleet, folder, web01=machines.PATCHED_BY_HAND)
    report = web_fleet.runner("pending_reboot.report")
    assert report["counts"] == {"pending": 1, "unknown": 1, "advisory": 0, "clear": 4}
    assert report["minions"]["web01"]["reasons"] == ["pending_file_rename", "update_exe_volatile"]
    assert report["minions"]["linux"]["error"] == "the grain reboot_state is not in the master's cache"
    plan = web_fleet.runner("pending_reboot.plan", "web*", "batch=1,50%", "states=pending,clear")
    assert plan == {"waves": [["web01"], ["web02", "web03"], ["web04", "web05"]], "left_out": {}}
    assert web_fleet.runner("pending_reboot.plan")["waves"] == [["web01"]]


def test_one_event_for_each_transition(web_fleet: Fleet, folder: Path) -> None:
    become(web_fleet, folder)
    time.sleep(2)
    events = web_fleet.events("salt/beacon/web01/pending_reboot/*")
    for content, state in ((machines.PATCHED_BY_HAND, "pending"), (machines.CLEAR, "clear")):
        machines.write(folder / "web01.yml", content)
        eventually(lambda state=state: web_fleet.call(f"G@reboot_state:state:{state} and web01", "test.ping"), state)
    time.sleep(4)  # intervals in which nothing changes
    seen = [(tag.rpartition("/")[2], data["was"], data["reasons"]) for tag, data in events.seen()]
    events.stop()
    assert seen == [("pending", "clear", ["pending_file_rename", "update_exe_volatile"]), ("clear", "pending", [])]


def test_an_event_is_not_lost_when_others_renew_the_grain(web_fleet: Fleet, folder: Path) -> None:
    """As a schedule does, and the end of a wave."""
    become(web_fleet, folder)
    time.sleep(3)
    events = web_fleet.events("salt/beacon/web02/pending_reboot/*")
    for content, state in ((machines.PATCHED_BY_HAND, "pending"), (machines.CLEAR, "clear")):
        machines.write(folder / "web02.yml", content)
        web_fleet.call("web02", "saltutil.refresh_grains")
        eventually(lambda state=state: [tag for tag, _ in events.seen() if tag.endswith(state)], state)
    time.sleep(3)
    seen = [(tag.rpartition("/")[2], data["was"]) for tag, data in events.seen()]
    events.stop()
    assert seen == [("pending", "clear"), ("clear", "pending")]
