# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot patch-state`: whether patches are missing, installed, or installed and waiting for a reboot."""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from pending_reboot import InputError, Patch, PatchState, local_patch_states, offline_patch_states, patches_from
from pending_reboot.escape import cell, markdown, markdown_table, printable

from ..render import columns
from .common import FORMATS, Commands, add_command, read_yaml
from .hosts import CREDENTIALS, add_host_options, targets_of

_DESCRIPTION = """\
Tell of each patch that you describe whether it is missing, installed, or installed and waiting for a reboot, with the
versions in place and those that will be in place, and what four scanners would say of it.
"""

_EPILOG = f"""\
a patch (YAML or JSON; docs/patches.md has every field):
  - kb: KB902400
    update_id: 9306cdfc-c4a1-4a22-9996-848cc67eddc3
    files:
      - {{path: '%SystemRoot%\\system32\\clbcatq.dll', version: 2001.12.4720.10}}

{CREDENTIALS}
exit codes:
  0   every patch is installed, or is not for this machine
  10  some patch waits for a reboot
  20  no patch waits, but some patch is not known
  30  the rest is installed, and some patch is missing
  2   the command line or an input file cannot be used

examples:
  pending-reboot patch-state --patches november.yml --local
  pending-reboot patch-state --patches november.yml --host web01 --host web02 --format json
  pending-reboot patch-state --patches november.yml --image /mnt/windows
  pending-reboot patch-state --patches november.yml --system SYSTEM --software SOFTWARE --root /mnt/c
"""

_EXIT_CODES: Final[Mapping[str, int]] = {"installed_pending_reboot": 10, "unknown": 20, "missing": 30}
_HEAD: Final = ("Host", "Patch", "Verdict", "MBSA 1.2", "WUA", "ITMU", "MBSA 2.0", "Why")

#: A patch's state as `PatchState.to_dict()` makes it, and its host.
State = Mapping[str, Any]


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands,
        "patch-state",
        run,
        help_="tell which patches are missing, installed, or waiting",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument("--patches", metavar="FILE", required=True, help="descriptions of patches; - for stdin")
    machine = parser.add_argument_group("which machine")
    machine.add_argument("--local", action="store_true", help="this Windows machine")
    machine.add_argument("--image", metavar="DIR", help="a mounted Windows")
    machine.add_argument("--system", metavar="FILE", help="the SYSTEM hive")
    machine.add_argument("--software", metavar="FILE", help="the SOFTWARE hive")
    machine.add_argument("--root", metavar="DIR", help="with hives: the root of the volume that files are looked up on")
    machine.add_argument("--running", action="store_true", help="the hives were copied from a running machine")
    add_host_options(parser, option=True)
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def run(options: argparse.Namespace) -> int:
    """Print the state of each patch, and return the exit code of the gravest."""
    patches = patches_from(read_yaml(options.patches, "list of patches"), where=options.patches)
    states: list[State] = [
        {"host": host, **state.to_dict()} for host, found in _found(options, patches) for state in found
    ]
    print(_RENDERERS[options.format](states))
    warnings = {warning: None for state in states for warning in state["evidence"]["warnings"]}
    for warning in warnings:
        print(f"pending-reboot: warning: {printable(warning)}", file=sys.stderr)
    verdicts = {state["verdict"] for state in states}
    return next((code for verdict, code in _EXIT_CODES.items() if verdict in verdicts), 0)


def _found(options: argparse.Namespace, patches: Sequence[Patch]) -> list[tuple[str | None, list[PatchState]]]:
    hosts = bool(options.hosts or options.hosts_file or options.inventory)
    disk = bool(options.image or options.system or options.software)
    if options.local + hosts + disk != 1:
        raise InputError("give one of --local, hosts, or a disk", hint="see pending-reboot patch-state --help")
    if options.root and not (options.system or options.software):
        raise InputError("--root goes with --system and --software")
    if options.running and not disk:
        raise InputError("--running goes with a disk")
    if options.local:
        return [(None, local_patch_states(patches))]
    if disk:
        hives = {"system": options.system, "software": options.software}
        return [
            (None, offline_patch_states(patches, options.image, **hives, root=options.root, running=options.running))
        ]
    from ..wsman_fleet import patch_states_of

    return list(patch_states_of(targets_of(options), patches, backend=options.backend).items())


def _row(state: State, safe: Callable[[str], str]) -> tuple[str, ...]:
    patch, views = state["patch"], state["views"]
    name = patch["kb"] or patch["title"] or patch["update_id"]
    told = (views[view] for view in ("mbsa_1_2", "wua", "itmu", "mbsa_2_0"))
    return (safe(str(state["host"] or "")), safe(str(name)), state["verdict"], *told, safe(str(state["description"])))


def _table(states: Sequence[State]) -> str:
    rows = [_row(state, printable) for state in states]
    several = any(row[0] for row in rows)
    head = tuple(name.upper() for name in _HEAD)
    return "\n".join(columns(head, rows) if several else columns(head[1:], [row[1:] for row in rows]))


def _csv(states: Sequence[State]) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(name.lower().replace(" ", "_").replace(".", "_") for name in _HEAD)
    writer.writerows(_row(state, cell) for state in states)
    return out.getvalue().rstrip("\n")


_RENDERERS: Final[Mapping[str, Callable[[Sequence[State]], str]]] = {
    "table": _table,
    "json": lambda states: "\n".join(json.dumps(state) for state in states),
    "markdown": lambda states: "\n".join(markdown_table(_HEAD, [_row(state, markdown) for state in states])),
    "csv": _csv,
}
