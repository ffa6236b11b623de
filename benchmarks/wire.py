# SPDX-License-Identifier: Apache-2.0
"""The fleet scan's budget, measured: our scan beside a bare loop of pywinrm that makes the same calls.

400 simulated hosts on which nothing waits, and that take 30 ms for each answer, in a process of their own; each client
in a thread pool of the same size, in one process. The processor time of the client is what counts, because the
simulator shares the machine.
"""

from __future__ import annotations

import contextlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

HOSTS, LATENCY, THREADS = 400, "30ms", 64

SCENARIO: dict[str, Any] = {
    "hosts": {
        "web": {
            "count": HOSTS,
            "latency": LATENCY,
            "machine": {
                "boot_time": "2026-11-20T03:12:00Z",
                # What a settled server has where it is looked.
                "keys": {
                    r"SYSTEM\CurrentControlSet\Control\ComputerName\ComputerName": {"values": {"ComputerName": "WEB"}},
                    r"SYSTEM\CurrentControlSet\Control\ComputerName\ActiveComputerName": {
                        "values": {"ComputerName": "WEB"}
                    },
                    r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters": {
                        "values": {"Hostname": "web", "NV Hostname": "web"}
                    },
                    r"SYSTEM\CurrentControlSet\Services\Netlogon\Parameters": {},
                    r"SOFTWARE\Microsoft\ServerManager\ServicingStorage\ServerComponentCache": {},
                    r"SOFTWARE\Microsoft\WindowsUpdate\UX\Settings": {},
                    r"SOFTWARE\Microsoft\Windows\CurrentVersion\WindowsUpdate\Auto Update": {},
                    r"SOFTWARE\Microsoft\Windows\CurrentVersion\Component Based Servicing\Packages": {},
                    r"SOFTWARE\Microsoft\Windows\CurrentVersion\RunOnce": {},
                    r"SOFTWARE\WOW6432Node\Microsoft\Windows": {},
                },
                "probes": {"windows_update_settings": {"pending_reboot": False}},
            },
        }
    }
}


def targets(inventory: str) -> list[Any]:
    """Return the hosts of the simulator."""
    from pending_reboot_tools.inventory import inventory_targets
    from pending_reboot_wire.target import Target

    usual = Target("", "", 5985, "vagrant", "vagrant", "ntlm", tls=False)
    return inventory_targets(inventory, usual)


def ours(inventory: str, backend: str) -> dict[str, float]:
    """Scan with our command's engine."""
    from pending_reboot_tools.scan import Settings, scan

    hosts = targets(inventory)
    requests = 0
    start, cpu = time.perf_counter(), _cpu()
    for outcome in scan(hosts, Settings(backend=backend, threads=THREADS)):
        assert outcome.facts["state"] == "clear", outcome
        requests += outcome.requests
    return _figures(start, cpu, requests)


def bare(inventory: str) -> dict[str, float]:
    """Make the same calls by a loop over pywinrm: what our scan sends to one host, sent to every host and not read."""
    import warnings

    warnings.simplefilter("ignore")
    from winrm.exceptions import WSManFaultError
    from winrm.protocol import Protocol

    from pending_reboot import facts_from
    from pending_reboot.readers.wsman import WsmanReader
    from pending_reboot_tools.session import Recorder
    from pending_reboot_wire.carriers import carrier

    hosts = targets(inventory)
    recorder = Recorder(carrier(hosts[0], "pywinrm"))
    facts_from(WsmanReader(recorder))
    envelopes = [each["request"] for each in recorder.exchanges]

    def ask(host: Any) -> int:
        protocol = Protocol(
            f"http://{host.address}:{host.port}/wsman", transport="ntlm", username="vagrant", password="vagrant"
        )
        for envelope in envelopes:
            with contextlib.suppress(WSManFaultError):  # a component that is not there
                protocol.send_message(envelope)
        return len(envelopes)

    start, cpu = time.perf_counter(), _cpu()
    with ThreadPoolExecutor(THREADS) as pool:
        requests = sum(pool.map(ask, hosts))
    return _figures(start, cpu, requests)


def _cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _figures(start: float, cpu: float, requests: int) -> dict[str, float]:
    seconds = time.perf_counter() - start
    return {
        "cpu": 1000 * (_cpu() - cpu) / HOSTS,
        "requests": requests / HOSTS,
        "rate": HOSTS / seconds,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


CLIENTS = {
    "bare pywinrm": bare,
    "ours, pywinrm": lambda inventory: ours(inventory, "pywinrm"),
    "ours, pypsrp": lambda inventory: ours(inventory, "pypsrp"),
}


def main() -> None:
    """Measure each client in a process of its own, and print ratios."""
    with tempfile.TemporaryDirectory() as scratch:
        scenario, inventory = Path(scratch, "scenario.yml"), Path(scratch, "hosts.yml")
        scenario.write_text(yaml.safe_dump(SCENARIO), "utf-8")
        command = [sys.executable, "-m", "pending_reboot_tools", "simulate", str(scenario), "--inventory"]
        simulator = subprocess.Popen([*command, str(inventory)], stdout=subprocess.DEVNULL)
        try:
            while not inventory.exists():
                time.sleep(0.1)
                assert simulator.poll() is None
            time.sleep(0.5)
            found = {name: measured(name, str(inventory)) for name in CLIENTS}
        finally:
            simulator.terminate()
            simulator.wait()
    base = found["bare pywinrm"]["cpu"]
    print(f"scan of {HOSTS} simulated hosts, {LATENCY} for an answer, {THREADS} threads in one process:")
    for name, figures in found.items():
        print(
            f"  {name:14} {figures['cpu']:5.1f} ms of client processor a host  {figures['requests']:4.1f} requests"
            f"  {figures['rate']:5.0f} hosts/s  {figures['memory']:4.0f} MB  ratio {figures['cpu'] / base:.2f}x"
        )
    kept = found["ours, pywinrm"]["cpu"] <= 1.3 * base and found["ours, pywinrm"]["requests"] <= 20
    print(f"  budget: at most 20 requests and 1.3x the bare loop: {'kept' if kept else 'MISSED'}\n")


def measured(name: str, inventory: str) -> dict[str, float]:
    """Return the figures of one client, from a process of its own."""
    done = subprocess.run([sys.executable, __file__, name, inventory], check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(json.dumps(CLIENTS[sys.argv[1]](sys.argv[2])))
    else:
        main()
