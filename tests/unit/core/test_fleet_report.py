# SPDX-License-Identifier: Apache-2.0
"""The report of a fleet: every host has its place, and nothing in it is markup or a formula."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from typing import Any

import pytest

from pending_reboot import InputError, facts_from
from pending_reboot.fleet_report import FORMATS, HostReport, as_csv, as_json, as_markdown, host_report, read_at
from pending_reboot.readers.snapshot import from_snapshot

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=timezone.utc)
UPDATES = r"SOFTWARE\Microsoft\Updates\UpdateExeVolatile"
SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
BY_HAND = {
    "boot_time": "2026-11-20T03:12:00Z",
    "keys": {UPDATES: {"values": {"Flags": 1}, "last_write": "2026-11-21T10:00:00Z"}},
}


def facts(machine: dict[str, Any], *, strict: bool = False) -> dict[str, Any]:
    return facts_from(from_snapshot(machine), skip=("intune",), strict=strict).to_dict()


def fleet() -> list[HostReport]:
    return [
        host_report("clear01", facts=facts({}) | {"state": "clear"}),
        host_report(
            "web01",
            facts=facts(BY_HAND),
            gate={"outcome": "failed", "comment": "is lost in its reboot"},
            patches=[{"name": "KB902400", "verdict": "installed_pending_reboot"}],
        ),
        host_report("db05", problem="unreachable: it is switched off"),
        host_report("app07"),
    ]


def test_a_host_that_waits() -> None:
    found = host_report("web01", facts=facts(BY_HAND))
    assert (found.state, found.reasons) == ("pending", ("update_exe_volatile",))
    assert (found.since, found.boot_time) == ("2026-11-21T10:00:00Z", "2026-11-20T03:12:00Z")
    assert "update.exe" in found.comment or "package installer" in found.comment


def test_a_host_that_only_strict_makes_pending_has_its_reasons() -> None:
    clean_up = {"values": {"PendingFileRenameOperations": ["\\??\\C:\\Windows\\Temp\\a.tmp", ""]}}
    read = facts({"keys": {SESSION_MANAGER: {**clean_up, "last_write": "2026-11-21T10:00:00Z"}}}, strict=True)
    assert (read["state"], read["sources"]["pending_file_rename"]["state"]) == ("pending", "advisory")
    found = host_report("web01", facts=read)
    assert (found.reasons, found.since) == (("pending_file_rename",), "2026-11-21T10:00:00Z")
    assert found.comment == read["sources"]["pending_file_rename"]["description"]


def test_what_became_of_it_comes_before_what_it_waits_for_and_a_problem_before_both() -> None:
    gate = {"outcome": "blocked", "comment": "no reboot without somebody looking"}
    assert host_report("a", facts=facts(BY_HAND), gate=gate).comment == "no reboot without somebody looking"
    assert host_report("a", facts=facts(BY_HAND), gate=gate, problem="gone").comment == "gone"


def test_a_host_of_which_nothing_is_known_is_unknown_with_a_reason() -> None:
    nothing = host_report("app07")
    assert (nothing.state, nothing.outcome) == ("unknown", None)
    assert nothing.comment == "nothing was read of it in this run"


@pytest.mark.parametrize(
    "changed",
    [
        {"schema": 2},
        {"state": "rebooting"},
        {"sources": [1]},
        {"sources": {"intune": {"state": "clear"}}},
        {"sources": {"intune": {"state": "clear", "description": "", "since": 5}}},
        {"reboot_required_reasons": None},
        {"reboot_required_reasons": [{"source": "nobody", "description": ""}]},
        {"last_reboot": {}},
        {"collected": {"at": "yesterday"}},
        {"collected": {"at": "2026-11-22"}},
    ],
)
def test_what_is_no_facts_is_refused(changed: dict[str, Any]) -> None:
    known = facts(BY_HAND)
    assert read_at(known, "fact x").tzinfo
    with pytest.raises(InputError, match="fact x: "):
        read_at(known | changed, "fact x")


@pytest.mark.parametrize("value", [None, [1], "text", {}])
def test_what_is_no_mapping_is_no_facts(value: object) -> None:
    with pytest.raises(InputError, match="fact x: holds no facts of schema 1"):
        read_at(value, "fact x")


def test_json() -> None:
    content = json.loads(as_json(fleet(), NOW))
    assert (content["schema"], content["at"]) == (1, "2026-11-22T22:00:00Z")
    assert content["summary"] == {
        "hosts": 4,
        "states": {"clear": 1, "pending": 1, "unknown": 2},
        "outcomes": {"failed": 1},
    }
    assert [each["host"] for each in content["hosts"]] == ["web01", "app07", "db05", "clear01"]
    assert content["hosts"][0]["patches"] == [{"name": "KB902400", "verdict": "installed_pending_reboot"}]


def test_markdown_has_a_row_for_every_host_and_no_markup_of_theirs() -> None:
    hostile = host_report("web|01\n", problem="<script>alert(1)</script> | `x` [a](b) \x1b[31m")
    page = as_markdown([*fleet(), hostile], NOW)
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    assert len(rows) == 2 + 5
    assert "5 hosts at 2026-11-22T22:00:00Z: 1 pending, 3 unknown, 0 advisory, 1 clear; 1 failed." in page
    assert "<script>" not in page
    assert "\x1b" not in page
    assert all(row.replace("\\|", "").count("|") == 8 for row in rows)


def test_csv_has_a_row_for_every_host_and_no_formula() -> None:
    hostile = host_report("=cmd|' /C calc'!A0", problem="+1")
    rows = list(csv.DictReader(io.StringIO(as_csv([*fleet(), hostile], NOW))))
    assert len(rows) == 5
    assert {row["host"][:1] for row in rows} == {"w", "a", "d", "c", "'"}
    assert rows[0]["patches"] == "KB902400=installed_pending_reboot"
    assert [row["comment"] for row in rows if row["host"].startswith("'")] == ["'+1"]


def test_every_format_takes_an_empty_fleet() -> None:
    for _, render in FORMATS.values():
        assert render([], NOW)
