# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot record`: what one host says over WS-Management, for a test of this project."""

from __future__ import annotations

import argparse
import sys

from pending_reboot import InputError, facts_from
from pending_reboot.escape import printable
from pending_reboot.readers.wsman import WsmanReader
from pending_reboot_wire.carriers import Deadline, carrier

from ..session import Recorder, to_json
from .common import EXIT_CODES, Commands, add_command
from .hosts import CREDENTIALS, add_host_options, targets_of

_DESCRIPTION = """\
Read one host as scan does, and print every message that was exchanged, as JSON. Credentials are in none of them; the
names of the host, of accounts and of users' folders are replaced. Read it through before you send it to anybody.

A recorded session of a real host, attached to an issue, becomes a test.
"""

_EPILOG = f"""\
{CREDENTIALS}
examples:
  pending-reboot record web01 --auth kerberos > session.json
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands,
        "record",
        run,
        help_="record what one host says, for a test",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    add_host_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print the session, and return the exit code of the host's state."""
    targets = targets_of(options)
    if len(targets) != 1:
        raise InputError(f"{len(targets)} hosts are given", hint="record one host at a time")
    (target,) = targets
    recorder = Recorder(Deadline(carrier(target, options.backend), 2 * options.timeout))
    reader = WsmanReader(recorder)
    facts = facts_from(reader)
    names = {target.name: "HOST", target.address: "HOST"}
    if target.username:
        names[target.username.rpartition("\\")[2].partition("@")[0]] = "ACCOUNT"
    print(to_json(recorder.session(names)))
    print(f"pending-reboot: {facts.state}, {reader.requests} requests", file=sys.stderr)
    if reader.lost:
        print(f"pending-reboot: warning: {printable(reader.lost.message)}", file=sys.stderr)
    return EXIT_CODES[facts.state]
