# SPDX-License-Identifier: Apache-2.0
"""What the README shows of the collection is what happens."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import yaml

from ansible_fleet.fixtures import available
from ansible_fleet.installation import ansible_windows
from ansible_fleet.machines import add_host, recorded
from ansible_fleet.playbook import ROOT
from ansible_tests.conftest import Play

README = (ROOT / "README.md").read_text("utf-8")


def test_the_demonstration() -> None:
    available(ansible_windows)
    done = subprocess.run(
        [sys.executable, "-m", "ansible_fleet"], cwd=ROOT / "tests", capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    shown = README.partition("```text\n")[2].partition("```")[0].splitlines()
    assert len(shown) > 12
    assert [line for line in shown if line != "..." and line not in done.stdout.splitlines()] == []


def test_the_quick_start(play_at_both_ends: Play, tmp_path: Path) -> None:
    section = README.partition("## Ansible\n")[2].partition("\n## ")[0]
    (written,) = re.findall(r"```yaml\n(.*?)```", section, re.DOTALL)
    assert yaml.safe_load(written)[0]["serial"] == [1, 3, "100%"]
    folder = tmp_path / "hosts"
    hosts = {
        "h1": add_host(folder, "h1", recorded("patched_by_hand")),
        "h2": add_host(folder, "h2", recorded("advisory")),
        "h3": add_host(folder, "h3", recorded("clear")),
    }
    done = play_at_both_ends(written, hosts)
    assert done.returncode == 0, done.output
    assert "1 file is put in place at the next boot" in done.output
    assert [done.report[name]["outcome"] for name in hosts] == ["rebooted", "not_needed", "not_needed"]
