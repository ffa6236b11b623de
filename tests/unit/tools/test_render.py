# SPDX-License-Identifier: Apache-2.0
"""What people and programs get to see, and that registry text cannot misuse it."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pending_reboot import facts_from
from pending_reboot.escape import cell, markdown, printable
from pending_reboot.readers.memory import MemoryRegistry
from pending_reboot.registry import Value
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER
from pending_reboot_tools.render import SHOWN, as_csv, as_json, as_markdown, as_table

NOW = datetime(2026, 11, 22, 22, 0, tzinfo=timezone.utc)


def facts(*renames: str, host: str = "web1", warnings: tuple[str, ...] = ()) -> dict[str, Any]:
    reader = MemoryRegistry(probes={"host": {"name": host}})
    reader.key(SESSION_MANAGER.path, {"PendingFileRenameOperations": Value.from_strings(renames)})
    reader.warnings.extend(warnings)
    return facts_from(reader, sources=["pending_file_rename", "intune"], now=NOW).to_dict()


DRIVER = (r"\??\C:\Windows\system32\drivers\SET1.tmp", r"!\??\C:\Windows\system32\drivers\a.sys")
HOSTILE = "\x1b]0;owned\x07\u202egnp.exe\x9b31m|<script>\n"


def test_table() -> None:
    assert as_table(facts(*DRIVER, r"\??\C:\Temp\a", "")).splitlines() == [
        "web1: PENDING - a reboot is required",
        "",
        "SOURCE               STATE    SINCE  WHY",
        r"pending_file_rename  pending         1 file is put in place at the next boot: "
        r"C:\Windows\system32\drivers\a.sys",
        "intune               clear           Intune asks for no restart",
        "",
        "Pending file operations: 2 (1 significant, 1 advisory, 0 ignored)",
        "WEIGHT       ACTION   CATEGORY   PATH",
        r"significant  replace  driver     C:\Windows\system32\drivers\SET1.tmp -> C:\Windows\system32\drivers\a.sys",
        r"advisory     delete   temporary  C:\Temp\a",
        "",
        "read 2026-11-22T22:00:00Z by memory",
    ]


def test_table_says_what_it_leaves_out() -> None:
    renames = [text for number in range(SHOWN + 3) for text in (rf"\??\C:\Temp\{number}", "")]
    assert "... and 3 more (--all shows them)" in as_table(facts(*renames))
    assert "more (--all" not in as_table(facts(*renames), everything=True)


def test_colours_only_when_asked_for() -> None:
    assert "\x1b" not in as_table(facts(*DRIVER))
    assert "\x1b[31;1mPENDING\x1b[0m" in as_table(facts(*DRIVER), colour=True)


def test_markdown() -> None:
    lines = as_markdown(facts(*DRIVER, warnings=("a|b",))).splitlines()
    assert lines[:6] == ["## web1: pending", "", "A reboot is required.", "", r"- Warning: a\|b", ""]
    assert lines[6:9] == [
        "| Source | State | Since | Description |",
        "| --- | --- | --- | --- |",
        r"| pending_file_rename | pending |  | 1 file is put in place at the next boot: "
        r"C:\\Windows\\system32\\drivers\\a.sys |",
    ]


def test_csv_has_a_row_per_source() -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([facts(*DRIVER), facts(host="web2")]))))
    assert [(row["host"], row["state"], row["source"], row["source_state"]) for row in rows] == [
        ("web1", "pending", "pending_file_rename", "pending"),
        ("web1", "pending", "intune", "clear"),
        ("web2", "clear", "pending_file_rename", "clear"),
        ("web2", "clear", "intune", "clear"),
    ]


def test_json_is_one_line_of_ascii() -> None:
    text = as_json(facts("\\??\\C:\\ü\ud800" + HOSTILE, ""))
    assert text.isascii()
    assert "\n" not in text
    assert json.loads(text)["file_operations"][0]["source"] == "C:\\ü\ud800" + HOSTILE


RENDERERS = {"table": as_table, "markdown": as_markdown, "csv": lambda each: as_csv([each])}


@pytest.mark.parametrize("render", RENDERERS.values(), ids=RENDERERS)
def test_hostile_text_stays_text(render: Any) -> None:
    clean = render(facts(r"\??\C:\Windows\x.dll", "", host="web"))
    text = render(facts("\\??\\C:\\Windows\\" + HOSTILE, "", host="web" + HOSTILE))
    assert not set(text) & set("\x1b\x07\u202e\x9b")
    assert text.count("\n") == clean.count("\n")
    if render is as_markdown:
        assert "<script>" not in text
        assert [line.replace("\\|", "").count("|") for line in text.splitlines()] == [
            line.count("|") for line in clean.splitlines()
        ]


class TestEscape:
    @given(st.text(st.characters(codec=None)))
    def test_printable_is_printable(self, text: str) -> None:
        assert printable(text).isprintable()

    def test_printable_leaves_letters_alone(self) -> None:
        assert printable("C:\\Größe\\файл 1.txt") == "C:\\Größe\\файл 1.txt"
        assert printable("a\x1b[0m\u202e\U000e0001") == "a\\x1b[0m\\u202e\\U000e0001"

    @pytest.mark.parametrize("formula", ["=1+1", "+1", "-1", "@SUM(A1)"])
    def test_a_spreadsheet_sees_no_formula(self, formula: str) -> None:
        assert cell(formula) == "'" + formula

    def test_markdown_sees_no_markup(self) -> None:
        assert markdown("a|b `c` <b> [d](e) & *f*") == r"a\|b \`c\` &lt;b&gt; \[d\](e) &amp; \*f\*"
