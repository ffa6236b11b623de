# SPDX-License-Identifier: Apache-2.0
"""Waves of reboots on a real master with real minions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from salt_fleet import machines
from salt_fleet.fleet import Fleet
from salt_fleet.power import GRACE, Power
from salt_fleet.web import NAMES, become

LIMITS = ("timeout=45", "settle=4", "answer=2")
#: For machines that go down, and for those that have a new boot time at once.
POWERED = (*LIMITS, f"poll={GRACE + 2}")
AT_ONCE = (*LIMITS, "poll=1")


def outcomes(run: dict[str, Any]) -> dict[str, str]:
    return {name: each["outcome"] for name, each in run["minions"].items()}


@pytest.mark.newest_salt
def test_nobody_reboots_in_test_mode(web_fleet: Fleet, folder: Path) -> None:
    become(web_fleet, folder, web01=machines.PATCHED_BY_HAND, web02=machines.STUCK)
    run = web_fleet.runner("pending_reboot.patch_fleet", "web*", "batch=1", "test=True", *AT_ONCE)
    assert outcomes(run) == {"web01": "would_reboot", "web02": "would_reboot"}
    assert set(web_fleet.call("web01", "pending_reboot.state").values()) == {"pending"}


def test_a_wave_fails_with_the_names_and_stops_the_later_ones(web_fleet: Fleet, folder: Path) -> None:
    """One minion does not come back, one stays pending."""
    waiting = dict.fromkeys(NAMES, machines.PATCHED_BY_HAND) | {"web03": machines.STUCK}
    become(web_fleet, folder, **waiting)
    files = {name: folder / f"{name}.yml" for name in NAMES}
    with Power(web_fleet, files, lost=["web02"]) as power:
        done = web_fleet.run("salt-run", "pending_reboot.patch_fleet", "web*", "batch=1,3", *POWERED)
    web_fleet.start("web02")
    web_fleet.wait_for(["web02"])
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
    assert "is back, but is blocked: component_based_servicing" in run["minions"]["web03"]["comment"]
    assert run["minions"]["web05"]["comment"] == "an earlier wave failed: web02, web03"
    assert sorted(power.reboots) == ["web01", "web02", "web03", "web04"], "each once, and web05 never"
    assert web_fleet.call("web05", "pending_reboot.state") == {"web05": "pending"}


@pytest.mark.newest_salt
def test_an_orchestration_stops_at_the_failed_wave(web_fleet: Fleet, folder: Path) -> None:
    become(web_fleet, folder, web01=machines.STUCK, web02=machines.PATCHED_BY_HAND)
    pillar = "{tgt: 'web*', batch: 1, settle: 3, poll: 1, answer: 2, timeout: 60}"
    done = web_fleet.run("salt-run", "state.orchestrate", "orch.reboot_pending", f"pillar={pillar}")
    assert done.status != 0
    (steps,) = done.value["data"].values()
    results = {step["__id__"]: (step["result"], step["comment"]) for step in steps.values()}
    assert results["reboot wave 1"][0] is False
    assert results["reboot wave 2"][0] is False
    assert "requisite" in results["reboot wave 2"][1]
    assert web_fleet.call("web02", "pending_reboot.state") == {"web02": "pending"}


def test_an_orchestration_patches_and_reboots(web_fleet: Fleet, folder: Path) -> None:
    become(web_fleet, folder)
    (folder / "november.sls").write_text("KB902400:\n  pending_reboot.flagged: []\n")
    pillar = "{tgt: 'web0[12]', patches: november, batch: 1, settle: 3, poll: 1, answer: 2, timeout: 60}"
    done = web_fleet.run("salt-run", "state.orchestrate", "orch.patch_fleet", f"pillar={pillar}")
    assert done.status == 0, done.text
    (steps,) = done.value["data"].values()
    (step,) = steps.values()
    assert outcomes(step["changes"]["return"]) == {"web01": "rebooted", "web02": "rebooted"}


@pytest.mark.newest_salt
def test_a_machine_on_which_nothing_waits_is_no_failure(web_fleet: Fleet, folder: Path) -> None:
    """Stock Salt's `system.reboot only_on_pending_reboot` returns False there, which fails an orchestration."""
    become(web_fleet, folder)
    steps = "gate:\n  salt.function:\n    - name: pending_reboot.reboot\n    - tgt: web01\n"
    (folder / "function.sls").write_text(steps)
    done = web_fleet.run("salt-run", "state.orchestrate", "function")
    assert done.status == 0, done.text
    (folder / "web01.yml").write_text(machines.DENIED)
    assert web_fleet.run("salt-run", "state.orchestrate", "function").status != 0, "somebody has to look"


@pytest.mark.newest_salt
def test_patches_drain_and_health(web_fleet: Fleet, folder: Path) -> None:
    """A state installs the patch on the wave, then its machines reboot and are asked for their health."""
    become(web_fleet, folder)
    (folder / "patches.sls").write_text("KB902400:\n  pending_reboot.flagged: []\n")
    (folder / "broken.sls").write_text("broken:\n  test.fail_without_changes: []\n")
    every = ("states=clear,pending", "batch=1", *AT_ONCE)
    run = web_fleet.runner(
        "pending_reboot.patch_fleet", "L@web01,web02", "tgt_type=compound", "patches=patches", *every
    )
    assert outcomes(run) == {"web01": "rebooted", "web02": "rebooted"}
    done = web_fleet.run("salt-run", "pending_reboot.patch_fleet", "web03", "patches=broken", *every)
    assert done.status != 0
    broken = done.value["minions"]["web03"]
    assert broken == {"outcome": "failed", "comment": "failed: test_|-broken_|-broken_|-fail_without_changes"}
    run = web_fleet.run(
        "salt-run", "pending_reboot.patch_fleet", "web04", "patches=patches", "health=test.false", *every
    )
    assert run.value["minions"]["web04"]["comment"] == "is back, but unhealthy: test.false: returned False"


@pytest.mark.newest_salt
def test_health_is_what_a_function_returns(web_fleet: Fleet, folder: Path) -> None:
    become(web_fleet, folder, web01=machines.PATCHED_BY_HAND)
    limits = ("timeout=45", "settle=1", "poll=0.5", "answer=2")

    def comment(health: str) -> str:
        become(web_fleet, folder, web01=machines.PATCHED_BY_HAND)
        return str(web_fleet.runner("pending_reboot.wave", "web01", f"health={health}", *limits)["minions"]["web01"])

    assert "rebooted" in comment("[test.ping, {test.echo: {text: fine}}]")
    for unhealthy, says in (
        ("[{test.echo: [Not Found]}]", "unhealthy: test.echo: returned Not Found"),
        ("[{test.kwarg: {W3SVC: false}}]", "unhealthy: test.kwarg: returned {'W3SVC': False"),
        ("[no.function]", "unhealthy: no.function: returned"),
    ):
        assert says in comment(unhealthy)


@pytest.mark.newest_salt
@pytest.mark.parametrize(
    ("call", "says"),
    [
        (["wave", "web99"], "no such minion: web99"),
        (["wave", ""], "no minion is given"),
        (["plan", "batch=some"], "batch: 'some' is no size of a wave"),
        (["wave", "web01", "timeout=never"], "timeout: 'never' cannot be used"),
        (["wave", "web01", "tiemout=5"], "unknown option 'tiemout' (known: answer, delay, health,"),
        (["wave", "web01", "health=5"], "health: 5 is no function"),
        (["wave", "web01", "health=test.ping,test.false"], "health: 'test.ping,test.false' is no function"),
        (["wave", "web01", "delay=soon"], "delay: 'soon' is no number of seconds"),
        (["wave", "web01", "policy={bogus: 1}"], "policy: unknown field 'bogus'"),
        (["patch_fleet", "web*", "tgt_type=bogus"], "tgt_type: 'bogus' is no type of target"),
        (["patch_fleet", "web*", "states=pendign"], "states: 'pendign' is no state"),
        (["patch_fleet", "web01,web99", "tgt_type=list"], "no such minion: web99"),
        (["report", "web*", "tgt_type=bogus"], "tgt_type: 'bogus' is no type of target"),
        (["plan", "G@a and (", "tgt_type=compound"], "has brackets that do not match"),
        (["plan", "batch=[]"], "is no size of a wave"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(web_fleet: Fleet, call: list[str], says: str) -> None:
    done = web_fleet.run("salt-run", f"pending_reboot.{call[0]}", *call[1:])
    assert done.status != 0
    assert says in done.text
    assert "Traceback" not in done.text
