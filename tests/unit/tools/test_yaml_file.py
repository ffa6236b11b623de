# SPDX-License-Identifier: Apache-2.0
"""Files in YAML and JSON that nobody should write."""

from __future__ import annotations

from pathlib import Path

import pytest

from pending_reboot import InputError
from pending_reboot_tools.cli import main
from pending_reboot_tools.yaml_file import parse

#: Each level holds the one before ten times.
BOMB = "a: &0 [x,x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{chr(98 + level)}: &{level + 1} [{', '.join([f'*{level}'] * 10)}]\n" for level in range(9)
)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("at: 2026-02-30T01:00:00Z", "it holds a value that cannot be used (day is out of range for month)"),
        ("at: 2026-13-01", "it holds a value that cannot be used (month must be in 1..12)"),
        ("at: 2026-11-20T01:00:00+99:99", "it holds a value that cannot be used"),
        ("number: !!int abc", "it holds a value that cannot be used"),
        ("yes: !!bool x", "it holds a value that cannot be used"),
        ("at: !!timestamp x", "it holds a value that cannot be used"),
        (f"number: {'9' * 5000}", "it holds a value that cannot be used"),
        (f"number: 0x{'f' * 9000}", "holds a number that is too large"),
        (BOMB, "is no policy: it holds too much"),
        ("files: [a]\nfiles: [b]", "'files' is there twice"),
        ('{"files": 1, "files": 2}', "a field is there twice"),
        ("[" * 20000, "is no policy: it is nested too deeply"),
        ("a: *b", "is no YAML"),
        ("\tx: 1", "is no YAML"),
    ],
)
def test_one_clear_line(text: str, says: str) -> None:
    with pytest.raises(InputError) as raised:
        parse(text, "policy", "policy.yml")
    told = str(raised.value)
    assert told.startswith("policy.yml: ")
    assert says in told
    assert ("\n" in told, len(told) < 500) == (False, True)


def test_all_of_json_is_read() -> None:
    assert parse('{\n\t"title": "\\ud83d\\ude00"\n}', "policy", "p") == {"title": "\U0001f600"}


def test_yaml_that_begins_as_json_does() -> None:
    assert parse("{kb: KB902400, files: []}", "policy", "p") == {"kb": "KB902400", "files": []}
    assert parse("- &a {x: 1}\n- <<: *a\n  y: 2", "policy", "p") == [{"x": 1}, {"x": 1, "y": 2}]


def test_an_error_quotes_no_book(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "p.yml"
    file.write_text(f"kb: {'x' * 100_000}\n")
    assert main(["patch-state", "--patches", str(file), "--image", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err) < 1000
