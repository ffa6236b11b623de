# SPDX-License-Identifier: Apache-2.0
"""The command as a user runs it: exit codes, formats, errors on one line, the way from facts to a decision."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from pending_reboot_tools.cli import COMMANDS, main
from pending_reboot_tools.sample import MACHINES

NOW = "2026-11-22T22:00:00Z"


@pytest.fixture(scope="module")
def disks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The sample machines' disks, by the machine's name."""
    folder = tmp_path_factory.mktemp("disks")
    return {machine.name: str(machine.write(folder)) for machine in MACHINES}


@pytest.fixture
def facts_file(disks: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """Facts of the machine that was patched by hand."""
    main(["offline", disks["LEGACY01"], "--format", "json"])
    path = tmp_path / "facts.json"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    return path


def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own."""
    command = [sys.executable, "-m", "pending_reboot_tools", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, check=False, timeout=60)


class TestOffline:
    @pytest.mark.parametrize(
        ("name", "code", "state"),
        [("LEGACY01", 10, "pending"), ("CLIENT07", 0, "advisory"), ("DC02", 10, "pending"), ("WEB03", 20, "unknown")],
    )
    def test_exit_code_and_json(
        self, disks: dict[str, str], name: str, code: int, state: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["offline", disks[name], "--format", "json"]) == code
        facts = json.loads(capsys.readouterr().out)
        assert (facts["host"], facts["state"], facts["schema"]) == (name, state, 1)

    def test_strict_counts_clean_up(self, disks: dict[str, str]) -> None:
        assert main(["offline", disks["CLIENT07"], "--strict"]) == 10

    def test_ignored_operations(self, disks: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        words = ["offline", disks["LEGACY01"], "--skip-sources", "update_exe_volatile", "--format", "json"]
        assert main([*words, "--ignore", r"*\clbcatq.dll", "--ignore", r"*\Temp\*"]) == 0
        facts = json.loads(capsys.readouterr().out)
        assert [each["weight"] for each in facts["file_operations"]] == ["ignored"] * 3

    def test_only_some_sources(self, disks: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["offline", disks["WEB03"], "--sources", "intune, domain_join", "--format", "csv"]) == 0
        rows = capsys.readouterr().out.splitlines()
        assert [row.split(",")[4] for row in rows] == ["source", "domain_join", "intune"]

    @pytest.mark.parametrize("form", ["table", "markdown", "csv"])
    def test_every_format_tells_the_host_and_the_reason(
        self, disks: dict[str, str], form: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["offline", disks["DC02"], "--format", form]) == 10
        out = capsys.readouterr().out
        assert "DC02" in out
        assert "1 package with install pending" in out
        assert "\x1b" not in out

    def test_warnings_go_to_standard_error(self, disks: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        main(["offline", disks["WEB03"], "--format", "json"])
        captured = capsys.readouterr()
        assert captured.err.count("pending-reboot: warning: ") == 2
        assert len(json.loads(captured.out)["collected"]["warnings"]) == 2

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "give a mounted Windows, or hives, or .reg exports (see pending-reboot offline --help)"),
            (["--system", "x", "y.reg"], "give a mounted Windows, or hives, or .reg exports (see "),
            (["--system", "nowhere"], "nowhere: "),
            (["nowhere.reg"], "nowhere.reg: No such file or directory"),
        ],
    )
    def test_errors_are_one_line_and_exit_2(
        self, arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
    ) -> None:
        assert main(["offline", *arguments]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.startswith(f"pending-reboot: error: {message}")
        assert captured.err.count("\n") == 1

    def test_a_directory_among_exports(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["offline", str(tmp_path), "a.reg"]) == 2
        assert "is a directory; give one mounted Windows at a time" in capsys.readouterr().err

    def test_a_hive_in_place_of_an_export(self, disks: dict[str, str], capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["offline", f"{disks['DC02']}/Windows/System32/config/SYSTEM"]) == 2
        assert "give it with --system or --software" in capsys.readouterr().err


class TestGate:
    def gate(self, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, list[dict[str, Any]]]:
        code = main(["gate", "--format", "json", "--now", NOW, *arguments])
        return code, [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    def test_pending_is_a_reboot(self, facts_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        code, (decision,) = self.gate(capsys, "--facts", str(facts_file))
        assert (code, decision["action"], decision["at"]) == (10, "reboot", NOW)
        assert decision["reasons"] == ["pending_file_rename", "update_exe_volatile"]

    @pytest.mark.parametrize(
        ("form", "line"),
        [
            ("markdown", "| LEGACY01 | reboot |  | pending: pending\\_file\\_rename: 1 file is put in place"),
            ("csv", "LEGACY01,reboot,,pending: pending_file_rename: 1 file is put in place"),
        ],
    )
    def test_other_formats(self, form: str, line: str, facts_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["gate", "--facts", str(facts_file), "--format", form]) == 10
        assert capsys.readouterr().out.splitlines()[-1].startswith(line)

    def test_facts_through_a_pipe(self, facts_file: Path) -> None:
        done = run("gate", "--facts", "-", stdin=facts_file.read_text())
        assert (done.returncode, done.stderr) == (10, "")
        assert done.stdout.startswith("LEGACY01: REBOOT\n  pending: pending_file_rename: 1 file is put in place")

    def test_a_policy_file(self, facts_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        policy = tmp_path / "policy.yml"
        policy.write_text(
            "skip_sources: update_exe_volatile\n"
            "window:\n- {rrule: 'FREQ=WEEKLY;BYDAY=SA', start: '22:00', duration: 4h, timezone: Europe/Berlin}\n"
        )
        code, (decision,) = self.gate(capsys, "--facts", str(facts_file), "--policy", str(policy))
        assert (code, decision["action"], decision["not_before"]) == (30, "defer", "2026-11-28T21:00:00Z")
        assert decision["reasons"] == ["pending_file_rename"]

    def test_options_beside_the_policy(self, facts_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        words = ("--facts", str(facts_file), "--sources", "pending_file_rename", "--ignore", "*\\clbcatq.dll")
        assert self.gate(capsys, *words)[0] == 0
        assert self.gate(capsys, *words, "--strict")[0] == 10

    def test_history_is_kept_and_stops_a_loop(self, facts_file: Path, tmp_path: Path) -> None:
        history = str(tmp_path / "history.jsonl")
        words = ["gate", "--facts", str(facts_file), "--history", history, "--record", "--now", NOW]
        assert [main(words) for _ in range(3)] == [10, 10, 20]
        assert len(Path(history).read_text().splitlines()) == 3

    def test_a_history_without_a_last_line_end_is_kept_whole(self, facts_file: Path, tmp_path: Path) -> None:
        history = tmp_path / "history.jsonl"
        words = ["gate", "--facts", str(facts_file), "--history", str(history), "--record", "--now", NOW]
        main(words)
        history.write_text(history.read_text().rstrip("\n"))
        assert main(words) == 10
        assert [json.loads(line)["action"] for line in history.read_text().splitlines()] == ["reboot", "reboot"]

    def test_a_decision_that_cannot_be_recorded_is_not_told(
        self, facts_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        history = str(tmp_path / "absent" / "history.jsonl")
        assert main(["gate", "--facts", str(facts_file), "--history", history, "--record"]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert "history.jsonl: cannot be written: No such file or directory" in captured.err

    def test_several_hosts(self, disks: dict[str, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        for name in ("CLIENT07", "DC02", "WEB03"):
            main(["offline", disks[name], "--format", "json"])
        path = tmp_path / "fleet.jsonl"
        path.write_text(capsys.readouterr().out)
        code, decisions = self.gate(capsys, "--facts", str(path))
        assert code == 20
        assert [(each["host"], each["action"]) for each in decisions] == [
            ("CLIENT07", "none"),
            ("DC02", "reboot"),
            ("WEB03", "blocked"),
        ]

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "facts.json: holds no facts"),
            ("{", "facts.json:1: is no JSON: "),
            ("[" * 100_000, "facts.json: is no facts: it is nested too deeply"),
            ("7", "facts.json: is no facts: it must hold JSON objects"),
            ("{}", "facts: are no facts of schema 1"),
            ('{"schema": 1, "sources": {}}\n{"', "facts.json:2: is no JSON: "),
        ],
    )
    def test_bad_facts(
        self,
        text: str,
        message: str,
        tmp_path: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(tmp_path)
        Path("facts.json").write_text(text)
        assert main(["gate", "--facts", "facts.json"]) == 2
        assert capsys.readouterr().err.startswith(f"pending-reboot: error: {message}")

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("[]", "policy.yml: is no policy: it must be a mapping"),
            ("a: [", "policy.yml: is no YAML: "),
            ("[" * 100_000, "policy.yml: is no policy: it is nested too deeply"),
            ("strikt: true", "policy: unknown field 'strikt' (known: ignore, "),
            ("window: {rrule: FREQ=DAILY}", "policy.window.duration: None is no length of time"),
        ],
    )
    def test_bad_policy(
        self,
        text: str,
        message: str,
        facts_file: Path,
        capsys: pytest.CaptureFixture[str],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.chdir(facts_file.parent)
        Path("policy.yml").write_text(text)
        assert main(["gate", "--facts", str(facts_file), "--policy", "policy.yml"]) == 2
        err = capsys.readouterr().err
        assert err.startswith(f"pending-reboot: error: {message}")
        assert err.count("\n") == 1

    def test_record_needs_a_place(self, facts_file: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["gate", "--facts", str(facts_file), "--record"]) == 2
        assert "--record needs --history" in capsys.readouterr().err


class TestCommand:
    @pytest.mark.parametrize("command", COMMANDS)
    def test_help_has_examples(self, command: str) -> None:
        done = run(command, "--help")
        assert done.returncode == 0
        _, title, examples = done.stdout.partition("\nexamples:\n")
        assert title
        assert f"pending-reboot {command}" in examples

    def test_overview_lists_every_command(self) -> None:
        done = run("--help")
        assert all(f"\n    {command}" in done.stdout for command in COMMANDS)

    def test_no_command_is_a_usage_error(self) -> None:
        assert run().returncode == 2

    def test_a_reader_that_goes_away_is_no_traceback(self, disks: dict[str, str]) -> None:
        command = [sys.executable, "-m", "pending_reboot_tools", "offline", disks["LEGACY01"]]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
            assert running.stdout is not None
            assert running.stderr is not None
            running.stdout.close()
            assert running.stderr.read() == b""

    def test_demo(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        assert main(["demo", "--keep", str(tmp_path / "disks")]) == 0
        out = capsys.readouterr().out
        for words in (
            "state pending, decision reboot",
            "state advisory, decision none",
            "state unknown, decision blocked",
        ):
            assert words in out
        assert main(["offline", str(tmp_path / "disks" / "dc02")]) == 10

    def test_the_fleet_of_the_demo(self, capsys: pytest.CaptureFixture[str]) -> None:
        main(["demo"])
        printed = capsys.readouterr().out
        for row in (
            "web01     pending   clear     rebooted     KB902400 was run by hand from its EXE",
            "client03  advisory  advisory  not_needed ",
            "db04      unknown   unknown   blocked ",
            "app06     pending   pending   failed ",
        ):
            assert row in printed

    def test_demo_keeps_to_a_new_directory(self, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
        assert main(["demo", "--keep", str(tmp_path)]) == 2
        assert "cannot be made: File exists" in capsys.readouterr().err

    def test_output_that_the_terminal_cannot_show(self, disks: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
        out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
        monkeypatch.setattr(sys, "stdout", out)
        assert main(["offline", disks["LEGACY01"], "--ignore", "ü"]) == 10
        out.write("ü")
        out.flush()
        assert out.buffer.getvalue().endswith(b"\\xfc")  # type: ignore[attr-defined]
