# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot simulate`: Windows hosts that are none, on loopback."""

from __future__ import annotations

import argparse
import signal
import threading
from pathlib import Path

from pending_reboot import InputError

from .common import Commands, add_command, read_yaml

_DESCRIPTION = """\
Simulate Windows hosts that speak WS-Management with NTLM on loopback, until it is interrupted.

They have a registry with volatile keys, pending file operations that a reboot carries out, a boot time, and a network
that can misbehave. For trying scans and playbooks out where there is no Windows.
"""

_EPILOG = """\
a scenario (YAML):
  username: vagrant
  password: vagrant
  hosts:
    web01: {}                                  # nothing waits
    web02:
      machine:                                 # as docs/salt.md describes it ("Play a Windows machine")
        keys:
          SOFTWARE\\Microsoft\\Updates\\UpdateExeVolatile: {values: {Flags: 1}}
      latency: 30ms
      reboot: {down: 5s}                       # lost: true never comes back, ignored: true does not reboot
    web03:
      fault: stall                             # refuse, stall, cut, garbage, quota, denied or error
      after: 3                                 # once so many requests were answered
    db: {count: 20}                            # db001 to db020

examples:
  pending-reboot simulate scenario.yml --inventory hosts.yml
  PENDING_REBOOT_PASSWORD=vagrant pending-reboot scan --inventory hosts.yml
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands,
        "simulate",
        run,
        help_="simulate Windows hosts on loopback",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("scenario", metavar="SCENARIO", help="a YAML file; - reads stdin")
    parser.add_argument("--inventory", metavar="FILE", help="write an Ansible inventory of the hosts (YAML)")
    parser.add_argument("--first-port", type=int, default=0, metavar="N", help="default: any free ports")


def run(options: argparse.Namespace) -> int:
    """Listen until it is interrupted."""
    import yaml

    try:
        from ..simulator.fleet import Simulation, scenario_from
    except ImportError as error:
        raise InputError(f"{error.name} is not installed", hint="pip install 'pending-reboot[simulate]'") from error
    data = read_yaml(options.scenario, "scenario")
    account, machines = scenario_from(data, options.scenario)
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with Simulation(account, machines, first_port=options.first_port).running() as simulation:
        if options.inventory:
            try:
                Path(options.inventory).write_text(yaml.safe_dump(simulation.inventory(), sort_keys=False), "utf-8")
            except OSError as error:
                raise InputError(f"cannot be written: {error.strerror}", where=options.inventory) from error
        for name, port in simulation.ports.items():
            print(f"{name} 127.0.0.1:{port}")
        print(f"{len(machines)} hosts listen; Ctrl-C ends them", flush=True)
        stop.wait()
    return 0
