# SPDX-License-Identifier: Apache-2.0
"""Options of the commands that reach hosts: which hosts, and how. Credentials are never taken from the command line."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from typing import Final, get_args

from pending_reboot import InputError
from pending_reboot_wire.carriers import BACKENDS
from pending_reboot_wire.target import Auth, Target

from ..inventory import inventory_targets, target_from, targets_in
from ..scan import unique
from .common import read_text

_USER: Final = "PENDING_REBOOT_USER"
_PASSWORD: Final = "PENDING_REBOOT_PASSWORD"

CREDENTIALS: Final = f"""\
credentials are never taken from the command line; the first of these that is there counts:
  the inventory's ansible_user and ansible_password
  {_USER} and {_PASSWORD} in the environment
  --keyring, the system's keyring (pip install keyring), under the service pending-reboot
  --ask-password
with Kerberos, a ticket that is there already is enough.
"""


def add_host_options(parser: argparse.ArgumentParser, *, option: bool = False) -> None:
    """Add the options that `targets_of` reads; hosts are words, or with `option` given as `--host`."""
    help_ = "HOST or HOST:PORT; - reads one a line from stdin"
    if option:
        parser.add_argument("--host", dest="hosts", metavar="HOST", action="append", default=[], help=help_)
    else:
        parser.add_argument("hosts", metavar="HOST", nargs="*", help=help_)
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
    reach.add_argument("--timeout", type=seconds, default=25, metavar="SECONDS", help="for one answer, default: 25")
    reach.add_argument("--backend", choices=sorted(BACKENDS), default="pypsrp", help="client library, default: pypsrp")


def count(text: str) -> int:
    """Return how many things text names, for argparse."""
    number = int(text)
    if not 0 < number <= 512:
        raise argparse.ArgumentTypeError("must be from 1 to 512")
    return number


def seconds(text: str) -> float:
    """Return how many seconds text names, for argparse."""
    number = float(text)
    if not 0 < number <= 3600:
        raise argparse.ArgumentTypeError("must be more than 0 and at most 3600")
    return number


def targets_of(options: argparse.Namespace) -> list[Target]:
    """Return the hosts that are meant, each once.

    Raises:
        InputError: none is given, or one cannot be used.
    """
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
    return unique(targets)


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
