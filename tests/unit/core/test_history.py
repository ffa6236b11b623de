# SPDX-License-Identifier: Apache-2.0
"""Decisions kept in a file."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from pending_reboot import Decision, History, InputError
from pending_reboot.history import of_host

NOW = datetime(2026, 11, 23, 4, 0, tzinfo=timezone.utc)


def decision(action: str, *, host: str = "A", digest: str | None = None, minutes: int = 0) -> Decision:
    return Decision(action, (), NOW + timedelta(minutes=minutes), host, digest=digest)  # type: ignore[arg-type]


@pytest.fixture
def history(tmp_path: Path) -> History:
    return History(str(tmp_path / "history.jsonl"))


def test_there_is_none_yet(history: History) -> None:
    assert history.decisions() == []


def test_what_is_recorded_comes_back(history: History) -> None:
    recorded = [decision("reboot", digest="x"), decision("none", minutes=5)]
    for each in recorded:
        history.record([each])
    assert history.decisions() == [each.to_dict() for each in recorded]


def test_the_same_again_is_left_out_but_no_reboot(history: History) -> None:
    """A minion that is asked every five minutes would fill its disk with `none`."""
    for minutes in range(3):
        history.record([decision("none", minutes=minutes), decision("blocked", host="B", digest="y", minutes=minutes)])
    for minutes in range(3):
        history.record([decision("reboot", digest="x", minutes=minutes)])
    history.record([decision("none", minutes=9)])
    kept = [(each["host"], each["action"]) for each in history.decisions()]
    assert kept == [("A", "none"), ("B", "blocked"), *[("A", "reboot")] * 3, ("A", "none")]


def test_another_reason_is_not_the_same(history: History) -> None:
    for digest in ("x", "y", "x"):
        history.record([decision("defer", digest=digest)])
    assert [each["digest"] for each in history.decisions()] == ["x", "y", "x"]


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"{}\n{broken\n", r"history\.jsonl:2: is no JSON"),
        (b"1\n", "it must hold JSON objects"),
        (b"\xff\xfe", "cannot be read: it is no UTF-8"),
        (b"[" * 100_000, "is nested too deeply|is no JSON"),
    ],
)
def test_a_history_that_cannot_be_read_is_an_error(tmp_path: Path, content: bytes, says: str) -> None:
    file = tmp_path / "history.jsonl"
    file.write_bytes(content)
    with pytest.raises(InputError, match=says):
        History(str(file)).decisions()
    with pytest.raises(InputError, match=says):
        History(str(file)).record([decision("none")])
    assert file.read_bytes() == content


def test_a_folder_in_its_place(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        History(str(tmp_path)).decisions()


def test_each_host_has_its_own() -> None:
    history = [{"host": "A"}, {"host": "B"}, {"host": None}]
    assert of_host(history, "A", alone=False) == [{"host": "A"}]
    assert of_host(history, "A", alone=True) == [{"host": "A"}, {"host": None}]
