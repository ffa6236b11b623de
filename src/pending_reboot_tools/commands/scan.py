# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot scan`: many hosts over WS-Management."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from typing import Any, get_args

from pending_reboot import InputError

from ..carriers import BACKENDS, Auth, Target
from ..inventory import inventory_targets, target_from, targets_in
from ..progress import Progress
from ..render import as_json
from ..render_fleet import RENDERERS
from ..results import Results
from ..scan import Outcome, Settings, scan, unique
from .common import EXIT_CODES, Commands, add_command, add_facts_options, facts_arguments, read_text

_USER, _PASSWORD = "PENDING_REBOOT_USER", "PENDING_REBOOT_PASSWORD"

_DESCRIPTION = """\
Read many Windows hosts over WinRM (WS-Management). No process is started on them.

Every host gets a result: one that refuses, does not answer or breaks off is unknown, with the reason. --output writes
each result as it comes, and --resume goes on where an interrupted run ended.
"""

_EPILOG = f"""\
credentials are never taken from the command line; the first of these that is there counts:
  the inventory's ansible_user and ansible_password
  {_USER} and {_PASSWORD} in the environment
  --keyring, the system's keyring (pip install keyring), under the service pending-reboot
  --ask-password
with Kerberos, a ticket that is there already is enough.

exit codes:
  0   clear everywhere, or only clean-up waits for the next boot
  10  a reboot is pending on some host
  20  nothing is pending, but some host is not known
  2   the command line or an input file cannot be used

examples:
  pending-reboot scan web01 web02:5986 --auth kerberos
  pending-reboot scan --inventory hosts.yml --output reboots.jsonl
  pending-reboot scan --inventory hosts.yml --output reboots.jsonl --resume
  cat hosts.txt | pending-reboot scan - --http --auth ntlm --ask-password --format csv
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands, "scan", run, help_="read many hosts over WinRM", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("hosts", metavar="HOST", nargs="*", help="HOST or HOST:PORT; - reads one a line from stdin")
    parser.add_argument("--hosts-file", metavar="FILE", help="a file with one host a line")
    parser.add_argument("--inventory", metavar="FILE", help="an Ansible inventory")
    parser.add_argument("--limit", metavar="PATTERN", default="", help="only these hosts of the inventory")
    reach = parser.add_argument_group("how hosts are reached")
    reach.add_argument("--user", help=f"default: {_USER} in the environment")
    reach.add_argument("--ask-password", action="store_true", help="ask for the password")
    reach.add_argument("--keyring", action="store_true", help="take the password from the system's keyring")
    reach.add_argument("--auth", choices=get_args(Auth), default="negotiate", help="default: negotiate")
    reach.add_argument("--http", action="store_true", help="HTTP with sealed messages in place of HTTPS")
    reach.add_argument("--port", type=int, help="default: 5986, with --http 5985")
    reach.add_argument("--ca", metavar="FILE", help="verify certificates with these authorities")
    reach.add_argument("--insecure", action="store_true", help="do not verify certificates")
    reach.add_argument("--certificate", metavar="FILE", help="for --auth certificate (PEM)")
    reach.add_argument("--certificate-key", metavar="FILE", help="its key (PEM)")
    reach.add_argument("--backend", choices=sorted(BACKENDS), default="pypsrp", help="client library, default: pypsrp")
    speed = parser.add_argument_group("how many at once")
    speed.add_argument("--threads", type=_count, default=32, metavar="N", help="in each process, default: 32")
    speed.add_argument("--processes", type=_count, metavar="N", help="default: by the number of hosts and processors")
    speed.add_argument("--deadline", type=_seconds, default=60, metavar="SECONDS", help="for one host, default: 60")
    speed.add_argument("--timeout", type=_seconds, default=25, metavar="SECONDS", help="for one answer, default: 25")
    add_facts_options(parser)
    parser.add_argument("--output", metavar="FILE", help="write one facts object a line, as results come")
    parser.add_argument("--resume", action="store_true", help="skip the hosts that --output has already")
    parser.add_argument("--quiet", action="store_true", help="show no progress")


def _count(text: str) -> int:
    number = int(text)
    if not 0 < number <= 512:
        raise argparse.ArgumentTypeError("must be from 1 to 512")
    return number


def _seconds(text: str) -> float:
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 3600")
    return number


def run(options: argparse.Namespace) -> int:
    """Scan, and return the exit code of one host that is in the gravest state of all."""
    if options.resume and not options.output:
        raise InputError("--resume needs --output")
    targets = unique(_targets(options))
    with Results(options.output, resume=options.resume) if options.output else nullcontext() as results:
        before: list[dict[str, Any]] = results.before if results else []
        have = {facts["host"] for facts in before}
        wanted = {target.name for target in targets}
        left = [target for target in targets if target.name not in have]
        found = [facts for facts in before if facts["host"] in wanted]
        progress = Progress(len(left), quiet=options.quiet or not left)
        streamed = options.format == "json" and not options.output
        for outcome in _scanned(left, options):
            if results:
                results.add(outcome.facts)
            if streamed:
                print(as_json(outcome.facts), flush=True)
            else:
                found.append(outcome.facts)
            progress.add(outcome.facts["state"])
        progress.end()
    order = {target.name: number for number, target in enumerate(targets)}
    if not streamed:
        print(RENDERERS[options.format](sorted(found, key=lambda facts: order[facts["host"]])))
    states = {*progress.counts, *(facts["state"] for facts in found)}
    return next((code for state, code in EXIT_CODES.items() if state in states), 0)


def _scanned(targets: Sequence[Target], options: argparse.Namespace) -> Iterator[Outcome]:
    processors = os.cpu_count() or 1
    settings = Settings(
        backend=options.backend,
        threads=options.threads,
        processes=options.processes or max(1, min(processors, len(targets) // 50)),
        deadline=options.deadline,
        facts=facts_arguments(options),
    )
    yield from scan(targets, settings) if targets else ()


def _targets(options: argparse.Namespace) -> list[Target]:
    usual = _usual(options)
    targets = []
    for word in options.hosts:
        targets += targets_in(read_text("-", "list of hosts"), usual) if word == "-" else [target_from(word, usual)]
    if options.hosts_file:
        targets += targets_in(read_text(options.hosts_file, "list of hosts"), usual)
    if options.inventory:
        targets += inventory_targets(options.inventory, usual, options.limit)
    if not targets:
        raise InputError("no host is given", hint="name hosts, --hosts-file or --inventory")
    return targets


def _usual(options: argparse.Namespace) -> Target:
    """Return what holds for every host of which nothing else is said."""
    user = options.user or os.environ.get(_USER)
    return Target(
        name="",
        address="",
        port=options.port or (5985 if options.http else 5986),
        username=user,
        password=_password(options, user),
        auth=options.auth,
        tls=not options.http,
        verify=False if options.insecure else options.ca or True,
        certificate=options.certificate,
        certificate_key=options.certificate_key,
        connect_timeout=min(5, options.timeout),
        read_timeout=options.timeout,
    )


def _password(options: argparse.Namespace, user: str | None) -> str | None:
    if os.environ.get(_PASSWORD):
        return os.environ[_PASSWORD]
    if options.keyring:
        try:
            import keyring
        except ImportError as error:
            raise InputError("keyring is not installed", hint="pip install keyring") from error
        found = keyring.get_password("pending-reboot", user or "")
        if found is None:
            raise InputError(f"the keyring has no password of {user!r} for the service pending-reboot")
        return str(found)
    if options.ask_password:
        if not sys.stdin.isatty() and "-" in options.hosts:
            raise InputError("standard input is the list of hosts, so the password cannot be asked for", hint=_PASSWORD)
        return getpass.getpass(f"Password of {user}: " if user else "Password: ", stream=sys.stderr)
    return None
