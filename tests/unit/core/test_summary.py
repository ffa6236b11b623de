# SPDX-License-Identifier: Apache-2.0
"""The facts in short."""

from __future__ import annotations

import json

import pytest

from pending_reboot import facts_from, registry_sources, summarize
from pending_reboot.readers.snapshot import from_snapshot
from pending_reboot.sources import all_sources

SESSION_MANAGER = r"SYSTEM\CurrentControlSet\Control\Session Manager"
PENDING = {
    "SOFTWARE\\Microsoft\\Updates\\UpdateExeVolatile": {"values": {"Flags": 1}, "last_write": "2026-11-20T03:10:00Z"}
}
CLEAN_UP = {SESSION_MANAGER: {"values": {"PendingFileRenameOperations": [r"\??\C:\Windows\Temp\a", ""]}}}


@pytest.mark.parametrize(
    ("keys", "state", "reasons", "since"),
    [
        ({}, "clear", [], None),
        (PENDING, "pending", ["update_exe_volatile"], "2026-11-20T03:10:00Z"),
        ({**PENDING, SESSION_MANAGER: "denied"}, "pending", ["update_exe_volatile"], "2026-11-20T03:10:00Z"),
        ({SESSION_MANAGER: "denied"}, "unknown", ["pending_file_rename"], None),
        (CLEAN_UP, "advisory", ["pending_file_rename"], None),
    ],
)
def test_summary(keys: dict[str, object], state: str, reasons: list[str], since: str | None) -> None:
    short = summarize(facts_from(from_snapshot({"keys": keys})))
    assert (short["state"], short["reasons"], short["since"]) == (state, reasons, since)
    assert short["complete"] is ("denied" not in keys.values())
    assert json.loads(json.dumps(short)) == short


def test_strict() -> None:
    short = summarize(facts_from(from_snapshot({"keys": CLEAN_UP}), strict=True))
    assert (short["state"], short["reasons"]) == ("pending", ["pending_file_rename"])


def test_a_grain_asks_no_component() -> None:
    left_out = {source.id for source in all_sources()} - set(registry_sources())
    assert left_out == {"windows_update_agent", "configuration_manager", "desired_state_configuration"}
