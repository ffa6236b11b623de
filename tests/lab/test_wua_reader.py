# SPDX-License-Identifier: Apache-2.0
"""Asking the Windows Update Agent through COM: its answers, refusals and silence."""

from __future__ import annotations

import time

import pytest

from lab.planting import UPDATE_ID, facts
from windows_lab.machine import Lab
from windows_lab.wua import ACCESS_DENIED, Wua, WuaUpdate

SOURCE = "windows_update_agent"


def test_yes_and_no(lab: Lab) -> None:
    for required, state in ((True, "pending"), (False, "clear")):
        lab.wua(Wua(reboot_required=required))
        assert facts(lab, SOURCE, wua="state")["state"] == state
    assert ("SystemInfo.RebootRequired", ()) in lab.wua_calls()
    assert not [call for call in lab.wua_calls() if "Search" in call[0]]


def test_the_updates_that_wait(lab: Lab) -> None:
    lab.wua(
        Wua(
            reboot_required=True,
            updates=(
                WuaUpdate(UPDATE_ID, title="A patch", kb=("KB902400",), is_installed=True, reboot_required=True),
                WuaUpdate("11111111-2222-3333-4444-555555555555", title="Another", is_installed=True),
            ),
        )
    )
    found = facts(lab, SOURCE, wua="updates")
    assert found["updates"] == [{"update_id": UPDATE_ID, "kb": ["KB902400"], "title": "A patch"}]
    assert found["sources"][SOURCE]["description"].endswith("for 1 update: A patch")


def test_a_search_that_fails_leaves_the_answer(lab: Lab) -> None:
    lab.wua(Wua(reboot_required=True, faults={"Searcher.Search": 0x8024001E}))
    found = facts(lab, SOURCE, wua="updates")
    assert (found["state"], found["updates"]) == ("pending", [])
    assert found["sources"][SOURCE]["evidence"]["updates_error"] == "0x8024001e: the service is shutting down"


@pytest.mark.parametrize(
    ("member", "code", "kind", "words"),
    [
        ("SystemInfo", ACCESS_DENIED, "denied", "0x80070005: access is denied (a network logon may not ask"),
        ("SystemInfo.RebootRequired", ACCESS_DENIED, "denied", "0x80070005: access is denied"),
        ("SystemInfo.RebootRequired", 0x8024A000, "failed", "0x8024a000: Automatic Updates could not answer"),
        ("SystemInfo.RebootRequired", 0x8024FFFF, "failed", "0x8024ffff"),
    ],
)
def test_refused_and_failed(lab: Lab, member: str, code: int, kind: str, words: str) -> None:
    lab.wua(Wua(reboot_required=True, faults={member: code}))
    found = facts(lab, wua="state")
    error = found["sources"][SOURCE]["error"]
    assert (error["kind"], error["code"]) == (kind, code)
    assert error["message"].startswith(words)
    assert (found["state"], found["complete"]) == ("unknown", False)
    others = {result["state"] for id_, result in found["sources"].items() if id_ != SOURCE}
    assert others <= {"clear", "not_applicable"}


def test_silence_is_given_up(lab: Lab) -> None:
    lab.wua(Wua(hangs={"SystemInfo.RebootRequired": 20}))
    started = time.monotonic()
    done = lab.pending_reboot("local", "--timeout", "2", "--sources", f"{SOURCE},windows_update", timeout=60)
    assert time.monotonic() - started < 15
    assert done.returncode == 20
    assert "no answer within 2 seconds" in done.stdout
    assert "Traceback" not in done.stderr
    lab.wua(Wua())


@pytest.mark.parametrize("limit", ["nan", "0", "-1", "1e12", "inf"])
def test_a_limit_that_is_none(lab: Lab, limit: str) -> None:
    done = lab.pending_reboot("local", "--timeout", limit)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("pending-reboot: error: timeout: ")
    assert done.stderr.count("\n") == 1


def test_asking_only_what_is_not_asked_is_refused(lab: Lab) -> None:
    done = lab.pending_reboot("local", "--wua", "none", "--sources", SOURCE)
    assert (done.returncode, done.stdout) == (2, "")


def test_not_asked_at_all(lab: Lab) -> None:
    lab.wua(Wua(faults={"SystemInfo": ACCESS_DENIED}))
    found = facts(lab, wua="none")
    assert SOURCE not in found["sources"]
    assert found["complete"]
    assert lab.wua_calls() == []
