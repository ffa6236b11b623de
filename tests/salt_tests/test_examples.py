# SPDX-License-Identifier: Apache-2.0
"""The examples beside the Salt files do what they say."""

from __future__ import annotations

from pathlib import Path

from salt_fleet import machines
from salt_fleet.fixtures import FILES
from salt_fleet.fleet import Fleet, eventually
from salt_fleet.installation import Salt
from salt_fleet.masterless import Masterless


def test_the_pillar_example(newest_salt: Salt, machine: Path, tmp_path: Path) -> None:
    pillar = tmp_path / "pillar"
    pillar.mkdir()
    (pillar / "top.sls").write_text("base: {'*': [reboots]}\n")
    history = tmp_path / "history.jsonl"
    example = (FILES / "pillar.example").read_text()
    assert r"C:\ProgramData\pending-reboot\history.jsonl" in example
    (pillar / "reboots.sls").write_text(example.replace(r"C:\ProgramData\pending-reboot\history.jsonl", str(history)))
    settings = {
        "file_roots": {"base": [str(FILES)]},
        "pillar_roots": {"base": [str(pillar)]},
        "pending_reboot": {"fixture": str(machine), "policy": {"max_reboots": 0, "skip_sources": "intune"}},
    }
    minion = Masterless(newest_salt, tmp_path / "minion", settings)
    minion.call("saltutil.sync_all")
    machine.write_text(machines.PATCHED_BY_HAND)
    done = minion.run("pending_reboot.reboot", "policy={window: []}")
    decision = done.value["local"]["decision"]
    assert decision["action"] == "reboot", "the pillar's max_reboots counts, not that of the configuration"
    assert history.read_text().count("\n") == 1
    machine.write_text(machines.DENIED)
    assert minion.call("pending_reboot.decide")["action"] == "blocked"
    rename = machines.ADVISORY.replace(
        r"C:\Windows\Temp\x.tmp', ''", r"C:\W\a.tmp', '!\??\C:\W\AppCompat\Programs\A.hve'"
    )
    machine.write_text(rename)
    assert minion.call("pending_reboot.state") == "pending"
    assert minion.call("pending_reboot.decide", "policy={window: []}")["action"] == "none", "it is ignored"


def test_a_new_minion_is_synced_when_it_starts(any_salt: Salt, machine: Path) -> None:
    machine.write_text(machines.PATCHED_BY_HAND)
    reactor = [{"salt/minion/*/start": ["salt://reactor/sync_on_start.sls"]}]
    with Fleet.running(any_salt, [FILES], settings={"reactor": reactor}) as fleet:
        fleet.start("web01", pending_reboot={"fixture": str(machine)})
        fleet.wait_for(["web01"])
        eventually(lambda: fleet.call("G@reboot_state:state:pending", "test.ping"), "the grain is there")
        assert fleet.call("web01", "pending_reboot.state") == {"web01": "pending"}


def test_refreshed_grains_reach_the_master(any_salt: Salt, machine: Path) -> None:
    """Without the beacon: a schedule of saltutil.refresh_grains, as docs/salt.md shows it."""
    schedule = {"reboot_state": {"function": "saltutil.refresh_grains", "seconds": 2, "return_job": False}}
    with Fleet.running(any_salt, [FILES]) as fleet:
        fleet.start("web01", pending_reboot={"fixture": str(machine)}, schedule=schedule)
        fleet.wait_for(["web01"])
        fleet.call("web01", "saltutil.sync_all", timeout=60)
        fleet.runner("saltutil.sync_all")
        for content, state in ((machines.PATCHED_BY_HAND, "pending"), (machines.CLEAR, "clear")):
            machines.write(machine, content)
            eventually(
                lambda state=state: fleet.runner("pending_reboot.report")["minions"]["web01"]["state"] == state,
                f"the master's cache says {state}",
            )
