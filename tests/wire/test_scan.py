# SPDX-License-Identifier: Apache-2.0
"""The fleet scan against hosts that behave well and badly: every host has a result, and nothing secret gets out."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pending_reboot_tools.simulator.fleet import Simulation
from wire.conftest import PASSWORD, PATCHED, Simulate

Write = Callable[[Simulation], str]

SCAN = [sys.executable, "-m", "pending_reboot_tools", "scan"]
ENVIRONMENT = {**os.environ, "PENDING_REBOOT_PASSWORD": PASSWORD, "NO_COLOR": "1"}

#: 300 hosts, of which 10 % refuse, 10 % stall, 5 % cut in the middle of a reply and 5 % send garbage.
MIXED: dict[str, Any] = {
    "clear": {"count": 105},
    "hand": {"count": 105, "machine": PATCHED},
    "refuse": {"count": 30, "fault": "refuse"},
    "stall": {"count": 15, "fault": "stall"},
    "late": {"count": 15, "fault": "stall", "after": 6, "machine": PATCHED},
    "cut": {"count": 15, "fault": "cut", "after": 2},
    "garbage": {"count": 15, "fault": "garbage"},
}
#: State and a piece of a reason of each kind. A host that stalls late has told that it is pending before.
EXPECTED = {
    "clear": ("clear", ""),
    "hand": ("pending", ""),
    "refuse": ("unknown", "refuses connections"),
    "stall": ("unknown", "gave no answer within 2 seconds"),
    "late": ("unknown", "gave no answer within 2 seconds"),
    "cut": ("unknown", "gave what is no answer"),
    "garbage": ("unknown", "the answer is no SOAP envelope"),
}


def run(*words: str, **options: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SCAN, *words], env=ENVIRONMENT, capture_output=True, text=True, timeout=180, check=False, **options
    )


def results(path: Path) -> dict[str, dict[str, Any]]:
    """Return the facts in a file by host; each host must be there once."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    found = {facts["host"]: facts for facts in lines}
    assert len(found) == len(lines), "a host is there twice"
    return found


def check(found: dict[str, dict[str, Any]]) -> None:
    for name, facts in found.items():
        kind = name.rstrip("0123456789")
        state, reason = EXPECTED[kind]
        errors = " ".join(result["error"]["message"] for result in facts["sources"].values() if result["error"])
        if kind == "late":
            assert facts["state"] in ("unknown", "pending")
        else:
            assert facts["state"] == state, (name, errors)
        assert facts["complete"] is (kind in ("clear", "hand")), name
        assert reason in errors, (name, errors)


LIMITS = ("--timeout", "2", "--deadline", "10")


def test_300_hosts_of_which_many_misbehave(simulate: Simulate, inventory: Write, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    started = time.monotonic()
    done = run("--inventory", inventory(simulate(MIXED)), "--output", str(path), *LIMITS)
    seconds = time.monotonic() - started
    assert done.returncode == 10, done.stderr
    found = results(path)
    assert Counter(name.rstrip("0123456789") for name in found) == {
        name: entry["count"] for name, entry in MIXED.items()
    }
    check(found)
    assert "300 hosts: " in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    # Bounded by the deadlines: 30 hosts that stall, two threads' worth at most one after another.
    assert seconds < 60


def test_a_killed_scan_goes_on_where_it_ended(simulate: Simulate, inventory: Write, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    hosts = {name: dict(entry, latency="60ms") if "fault" not in entry else entry for name, entry in MIXED.items()}
    words = ["--inventory", inventory(simulate(hosts)), "--output", str(path), "--threads", "8", *LIMITS]
    scan = subprocess.Popen([*SCAN, *words], env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    while not path.exists() or path.read_bytes().count(b"\n") < 60:
        time.sleep(0.02)
        assert scan.poll() is None
    scan.send_signal(signal.SIGKILL)
    scan.wait()
    with path.open("ab") as file:
        file.write(b'{"schema": 1, "state": "clea')  # as a line that was being written
    before = results_of_whole_lines(path)
    assert 60 <= len(before) < 300
    refused = run(*words)
    assert (refused.returncode, "has results already" in refused.stderr) == (2, True)
    done = run(*words, "--resume")
    assert done.returncode == 10, done.stderr
    found = results(path)
    assert len(found) == 300
    assert {name: found[name] for name in before} == before, "what was there is as it was"
    check(found)
    again = run(*words, "--resume")
    assert (again.returncode, results(path)) == (10, found)


def results_of_whole_lines(path: Path) -> dict[str, dict[str, Any]]:
    lines = [json.loads(line) for line in path.read_bytes().split(b"\n")[:-1]]
    return {facts["host"]: facts for facts in lines}


def test_nothing_secret_gets_out(simulate: Simulate, inventory: Write, tmp_path: Path) -> None:
    simulation = simulate({"web": {"count": 4, "latency": "200ms"}, "garbage": {"count": 2, "fault": "garbage"}})
    path = tmp_path / "results.jsonl"
    words = ["--inventory", inventory(simulation), "--output", str(path), "--processes", "2"]
    environment = {**ENVIRONMENT, "PYTHONFAULTHANDLER": "1", "PYTHONDEVMODE": "1"}
    scan = subprocess.Popen([*SCAN, *words], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    listed = []
    while scan.poll() is None:
        for process in Path("/proc").glob("[0-9]*/cmdline"):
            try:
                listed.append(process.read_bytes())
            except OSError:
                continue
        time.sleep(0.05)
    output, errors = scan.communicate()
    assert b"scan" in b"".join(listed), "the process list was looked at"
    for text in (output, errors, path.read_text(), b"".join(listed).decode("utf-8", "replace")):
        assert PASSWORD not in text


def test_wrong_credentials_are_denied_and_not_shown(
    simulate: Simulate, inventory: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ["--inventory", inventory(simulate({"web01": {}})), "--format", "json", "--quiet"]
    for backend in ("pypsrp", "pywinrm"):
        done = subprocess.run(
            [*SCAN, *words, "--backend", backend],
            env={**ENVIRONMENT, "PENDING_REBOOT_PASSWORD": "Wr0ng-Passw0rd"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        facts = json.loads(done.stdout)
        assert (done.returncode, facts["state"], facts["reboot_required"]) == (20, "unknown", False)
        assert facts["sources"]["windows_update"]["error"]["kind"] == "denied"
        assert "the credentials were rejected" in facts["sources"]["windows_update"]["error"]["message"]
        assert "Wr0ng" not in done.stdout + done.stderr


@pytest.mark.parametrize("backend", ["pypsrp", "pywinrm"])
def test_faults_of_the_service_are_what_they_say(simulate: Simulate, inventory: Write, backend: str) -> None:
    """They name no question, as the real ones do."""
    simulation = simulate({"den": {"fault": "denied"}, "quo": {"fault": "quota"}})
    done = run("--inventory", inventory(simulation), "--format", "json", "--quiet", "--backend", backend)
    facts = {each["host"]: each for each in map(json.loads, done.stdout.splitlines())}
    errors = {name: each["sources"]["windows_update"]["error"] for name, each in facts.items()}
    assert (errors["den"]["kind"], errors["den"]["code"]) == ("denied", 5)
    assert (errors["quo"]["kind"], errors["quo"]["code"]) == ("failed", 0x803381A6)


def test_hosts_from_words_and_from_standard_input(simulate: Simulate) -> None:
    simulation = simulate({"web01": {}, "web02": {"machine": PATCHED}})
    words = [f"127.0.0.1:{port}" for port in simulation.ports.values()]
    usual = ("--http", "--auth", "ntlm", "--user", "scanner", "--quiet", "--format", "json")
    done = run(*words, *usual)
    assert sorted(json.loads(line)["state"] for line in done.stdout.splitlines()) == ["clear", "pending"]
    piped = run("-", *usual, input="# two\n" + "\n".join(words) + "\n")
    assert sorted(json.loads(line)["host"] for line in piped.stdout.splitlines()) == sorted(words)
    table = run(*words, "--http", "--auth", "ntlm", "--user", "scanner")
    assert "2 hosts: 1 pending, 0 unknown, 0 advisory, 1 clear" in table.stdout
    assert "2/2 hosts" in table.stderr


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "no host is given"),
        (["web01", "--resume"], "--resume needs --output"),
        (["web 01"], "'web 01' is no host"),
        (["web01", "--http", "--auth", "basic"], "basic sends the password in the clear without TLS"),
        (["web01", "--auth", "certificate"], "certificate needs TLS, a certificate and its key"),
        (["--inventory", "none.yml"], "none.yml: cannot be read"),
        (["--hosts-file", "none.txt"], "none.txt: cannot be read"),
        (["web01", "--sources", "wua"], "there is no source 'wua'"),
        (["web01", "--output", "/none/results.jsonl"], "/none/results.jsonl: cannot be written"),
        (["web01:99999"], "99999 is no port"),
        (["web01", "--ca", "none.pem"], "none.pem: cannot be read"),
        (["web01", "web01:5986", "--threads", "0"], "must be from 1 to 512"),
    ],
)
def test_what_cannot_be_used_is_one_clear_line(words: list[str], says: str, tmp_path: Path) -> None:
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr


GOOD = {"host": "web01", "state": "clear", "sources": {}, "collected": {}}


@pytest.mark.parametrize(
    "wrong", [{"no": "facts"}, GOOD | {"state": "fine"}, GOOD | {"sources": None}, GOOD | {"host": 5}, [GOOD], 5]
)
def test_results_that_are_none_are_not_taken_up(wrong: object, tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\n{json.dumps(wrong)}\n")
    done = run("web01", "--output", str(path), "--resume")
    assert (done.returncode, "results.jsonl:2: is no result of a scan" in done.stderr) == (2, True), done.stderr


def test_a_full_disk_is_an_error_and_leaves_whole_lines(tmp_path: Path) -> None:
    """A file that may have no more than a block."""
    path = tmp_path / "results.jsonl"
    command = f"ulimit -f 1; exec {' '.join(SCAN)} 127.0.0.1:1 --quiet --output {path}"
    done = subprocess.run(["bash", "-c", command], env=ENVIRONMENT, capture_output=True, text=True, check=False)
    assert (done.returncode, "cannot be written" in done.stderr) == (2, True), done.stderr
    assert path.read_bytes() == b""


class Misbehaving:
    """A server that answers every connection with these bytes, again and again. Ends with the block."""

    def __init__(self, head: bytes, again: bytes, pause: float) -> None:
        self._parts = (head, again, pause)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._end = threading.Event()
        self._threads = [threading.Thread(target=self._listen)]

    def __enter__(self) -> Misbehaving:
        self._threads[0].start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._end.set()
        for thread in self._threads:
            thread.join()
        self._socket.close()

    def _listen(self) -> None:
        self._socket.settimeout(0.1)
        while not self._end.is_set():
            try:
                connection, _ = self._socket.accept()
            except TimeoutError:
                continue
            self._threads.append(threading.Thread(target=self._talk, args=[connection]))
            self._threads[-1].start()

    def _talk(self, connection: socket.socket) -> None:
        head, again, pause = self._parts
        connection.settimeout(0.2)
        with connection, contextlib.suppress(OSError):
            connection.recv(65536)
            connection.sendall(head)
            while again and not self._end.wait(pause):
                connection.sendall(again)


CHUNK = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"


@pytest.mark.parametrize("backend", ["pypsrp", "pywinrm"])
@pytest.mark.parametrize(
    ("head", "again", "pause", "says"),
    [
        (b"HTTP/1.1 500 x\r\nTransfer-Encoding: chunked\r\n\r\n", CHUNK, 0, "sent more than"),
        (b"HTTP/1.1 200 x\r\nContent-Length: 90000\r\n\r\n", b"<", 0.2, "gave no answer within 2 seconds"),
        (b"HTTP/1.1 307 x\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", b"", 0, "with a redirect"),
        (b"HTTP/1.1 200 x\r\nContent-Encoding: gzip\r\nContent-Length: 9\r\n\r\n", b"", 0, "in an encoding"),
    ],
    ids=["endless", "drip", "redirect", "packed"],
)
def test_answers_that_no_host_should_give(backend: str, head: bytes, again: bytes, pause: float, says: str) -> None:
    with Misbehaving(head, again, pause) as server:
        words = [f"127.0.0.1:{server.port}", "--http", "--auth", "ntlm", "--user", "scanner", "--backend", backend]
        started = time.monotonic()
        done = run(*words, "--timeout", "2", "--deadline", "6", "--format", "json", "--quiet")
        seconds = time.monotonic() - started
    facts = json.loads(done.stdout)
    assert facts["state"] == "unknown"
    assert says in facts["sources"]["windows_update"]["description"]
    assert seconds < 12
    assert "Traceback" not in done.stderr
