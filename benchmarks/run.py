# SPDX-License-Identifier: Apache-2.0
"""The speed budgets, measured: `make bench`. Prints figures and ratios; judges, but fails nothing.

Whole processes are measured from outside, ours and the peers' in turn, so that a slow moment of the machine hits all.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "tests"))

from pending_reboot import facts_from  # noqa: E402
from pending_reboot.readers.memory import MemoryRegistry  # noqa: E402
from pending_reboot.registry import Value  # noqa: E402
from pending_reboot.sources import all_sources  # noqa: E402
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER  # noqa: E402
from support import sample_disk  # noqa: E402

RUNS = 9


# Linux counts the launching process's memory as the launched one's, so a small process does it.
LAUNCHER = """
import os, sys, time
start = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ,
                     file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
wall = time.perf_counter() - start
print([os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss])
"""


class Run(NamedTuple):
    """One finished process."""

    wall: float
    cpu: float
    megabytes: float


def process(command: list[str]) -> Run:
    """Run a command to its end and return what it cost."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", LAUNCHER, *command], check=True, capture_output=True, text=True
    )
    code, wall, cpu, kilobytes = json.loads(done.stdout)
    if code not in (0, 10, 20):
        raise SystemExit(f"{' '.join(command)} ended with {code}: {done.stderr}")
    return Run(wall, cpu, kilobytes / 1024)


def median(runs: list[Run]) -> Run:
    """Return the median of each figure."""
    return Run(*(statistics.median(figures) for figures in zip(*runs, strict=True)))


def plan(hives: dict[str, str]) -> dict[str, list[dict[str, object]]]:
    """Return what all sources read, for a peer: per hive file the keys, values and children."""
    reads: dict[str, list[dict[str, object]]] = {path: [] for path in hives.values()}
    for query in dict.fromkeys(query for source in all_sources() for query in source.queries):
        name, _, path = query.real_path.partition("\\")
        if name in hives:
            reads[hives[name]].append(
                {
                    "path": path.replace("CurrentControlSet", "ControlSet001"),
                    "values": [value for value in query.values if value != "*"],
                    "pattern": query.children.pattern if query.children else "",
                    "child_values": query.children.values if query.children else (),
                }
            )
    return reads


def offline(folder: str) -> None:
    """Whole process: SYSTEM and SOFTWARE of a real machine, every source and every package."""
    hives, origin = sample_disk.big_hives(Path(folder))
    reads = Path(folder) / "reads.json"
    reads.write_text(json.dumps(plan(hives)), encoding="utf-8")
    ours = [sys.executable, "-m", "pending_reboot_tools", "offline", "--format", "json"]
    commands = {
        "pending-reboot": [*ours, "--system", hives["SYSTEM"], "--software", hives["SOFTWARE"]],
        "python-registry": [sys.executable, str(HERE / "peer_reads.py"), "python-registry", str(reads)],
    }
    if subprocess.run(["/usr/bin/python3", "-c", "import hivex"], check=False, capture_output=True).returncode == 0:
        commands["hivex"] = ["/usr/bin/python3", str(HERE / "peer_reads.py"), "hivex", str(reads)]
    else:
        print("SKIPPED: hivex is not there (on Debian: apt-get install python3-hivex)")
    runs: dict[str, list[Run]] = {name: [] for name in commands}
    for _ in range(RUNS + 1):
        for name, command in commands.items():
            runs[name].append(process(command))
    sizes = ", ".join(f"{name} {Path(path).stat().st_size / 2**20:.0f} MiB" for name, path in hives.items())
    print(f"offline, whole process, median of {RUNS} ({sizes}; {origin}):")
    figures = {name: median(each[1:]) for name, each in runs.items()}
    base = figures["python-registry"]
    for name, run in figures.items():
        print(
            f"  {name:16} wall {run.wall * 1000:6.0f} ms  cpu {run.cpu * 1000:6.0f} ms  memory {run.megabytes:4.0f} MB"
            f"  ratio {run.wall / base.wall:.2f}x wall, {run.cpu / base.cpu:.2f}x cpu of python-registry"
        )
    mine = figures["pending-reboot"]
    verdict(mine.wall <= 0.5 * base.wall and mine.megabytes <= 60, "at most 0.5x python-registry and 60 MB")


def core() -> None:
    """100 pending renames and all sources from memory."""
    reader = MemoryRegistry()
    raw = [
        string
        for number in range(50)
        for string in (
            rf"\??\C:\Windows\System32\drivers\SET{number:04X}.tmp",
            "",
            rf"\??\C:\Windows\System32\spool\DRIVERS\x64\3\New\driver{number}.dll",
            rf"!\??\C:\Windows\System32\spool\DRIVERS\x64\3\driver{number}.dll",
        )
    ]
    reader.key(SESSION_MANAGER.path, {"PendingFileRenameOperations": Value.from_strings(raw)})
    facts_from(reader)  # compiles the rules
    best = min(timeit.repeat(lambda: facts_from(reader), number=20, repeat=9)) / 20
    print(
        f"core: 100 pairs and all sources from memory: {best * 1000:.2f} ms, as a dict and back "
        f"{min(timeit.repeat(lambda: facts_from(reader).to_dict(), number=20, repeat=5)) / 20 * 1000:.2f} ms"
    )
    verdict(best < 0.002, "under 2 ms")


def imports() -> None:
    """Import of the core with every source in a new process, without the interpreter's own start."""
    facts = "from pending_reboot import facts_from; from pending_reboot.sources import all_sources; all_sources()"
    bare, full = (median([process([sys.executable, "-c", code]) for _ in range(RUNS)]) for code in ("pass", facts))
    milliseconds = (full.wall - bare.wall) * 1000
    start = f"{bare.wall * 1000:.0f} ms"
    print(f"import of the core and all sources: {milliseconds:.0f} ms above a bare interpreter of {start}")
    verdict(milliseconds < 60, "under 60 ms")


def measure_grain(runs: int) -> object:
    """Runs on Windows, in a Python that has the standard library loaded as Salt has: milliseconds of each step."""
    import hashlib  # noqa: F401
    import importlib.util  # noqa: F401
    import json  # noqa: F401
    import statistics
    import sys
    import time
    import winreg
    from pathlib import Path

    import pending_reboot_salt

    def timed(work: object) -> float:
        begin = time.perf_counter()
        assert callable(work) and work()  # noqa: PT018
        return 1000 * (time.perf_counter() - begin)

    def open_a_key() -> object:
        with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SYSTEM\CurrentControlSet\Control\Session Manager") as key:
            return winreg.QueryInfoKey(key)

    def grain() -> object:
        return pending_reboot_salt.summary(core, {})

    core = pending_reboot_salt.core()
    before = set(sys.modules)
    first = timed(grain)
    assert grain()["state"] != "unknown"  # type: ignore[index]
    files = [sys.modules[name].__file__ for name in set(sys.modules) - before if name.startswith(core.__name__)]
    return {
        "first": first,
        "modules": len(files),
        "read": timed(lambda: [Path(file).read_bytes() for file in files if file]),
        "grain": statistics.median(timed(grain) for _ in range(runs)),
        "key": statistics.median(timed(open_a_key) for _ in range(runs)),
    }


def grain() -> None:
    """Salt's grain on the Windows lab: in a Windows Python that runs already, as a minion's does."""
    from windows_lab.errors import LabUnavailableError
    from windows_lab.machine import Lab

    try:
        with Lab.start(code_paths=[HERE.parent / "salt/_utils"]) as lab:
            found = lab.call(measure_grain, runs=50)
    except LabUnavailableError as error:
        print(f"SKIPPED: the grain on the Windows lab: {error}")
        return
    print(
        f"Salt grain on the Windows lab: {found['grain']:.1f} ms, {found['grain'] / found['key']:.0f}x opening a key\n"
        f"  the first time {found['first']:.0f} ms: it imports {found['modules']} modules, and merely reading their "
        f"files takes {found['read']:.0f} ms in Wine"
    )
    verdict(found["grain"] < 25, "under 25 ms")


def verdict(kept: bool, budget: str) -> None:
    """Print whether a budget is kept."""
    print(f"  budget: {budget}: {'kept' if kept else 'MISSED'}\n")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        offline(scratch)
    core()
    imports()
    grain()
