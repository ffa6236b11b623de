# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot offline`: facts of a machine that is switched off, from its disk, its hives or .reg exports."""

from __future__ import annotations

import argparse
from pathlib import Path

from pending_reboot import InputError, offline_facts

from .common import Commands, add_command, add_facts_options, facts_arguments, show

_DESCRIPTION = """\
Tell whether a Windows machine waits for a reboot from its files: a mounted Windows (the root of the volume or the
Windows directory), single registry hives, or .reg exports.

The transaction logs (.LOG1, .LOG2) beside a hive are applied in memory; no file is changed. Volatile registry keys
never reach a hive file: of a machine that was shut down they are "not_applicable", because the next start is the
reboot they asked for; of a running, crashed or hibernated one they are "unknown".
"""

_EPILOG = """\
examples:
  pending-reboot offline /mnt/windows
  pending-reboot offline --system SYSTEM --software SOFTWARE --format json
  pending-reboot offline --system SYSTEM --sources pending_file_rename
  pending-reboot offline session-manager.reg windows-update.reg --live-export
"""


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands,
        "offline",
        run,
        help_="read a powered-off disk, registry hives or .reg exports",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "paths", nargs="*", metavar="IMAGE|EXPORT.reg", help="a mounted Windows, or one or more .reg exports"
    )
    parser.add_argument("--system", metavar="FILE", help="the SYSTEM hive")
    parser.add_argument("--software", metavar="FILE", help="the SOFTWARE hive")
    parser.add_argument("--components", metavar="FILE", help="the COMPONENTS hive")
    parser.add_argument("--running", action="store_true", help="the hives were copied from a running machine")
    parser.add_argument(
        "--live-export",
        action="store_true",
        help="the .reg exports were made on the running machine, so volatile keys they lack do not exist",
    )
    add_facts_options(parser)


def run(options: argparse.Namespace) -> int:
    """Print the facts and return the exit code."""
    hives = {"system": options.system, "software": options.software, "components": options.components}
    image, exports = _places(options.paths)
    if sum((image is not None, bool(exports), any(hives.values()))) != 1:
        raise InputError("give a mounted Windows, or hives, or .reg exports", hint="see pending-reboot offline --help")
    facts = offline_facts(
        image,
        exports=exports,
        **hives,
        running=options.running,
        live_export=options.live_export,
        **facts_arguments(options),
    )
    return show([facts.to_dict()], options)


def _places(paths: list[str]) -> tuple[str | None, list[str]]:
    folders = [path for path in paths if Path(path).is_dir()]
    if folders and len(paths) > 1:
        raise InputError("is a directory; give one mounted Windows at a time", where=folders[0])
    return (folders[0], []) if folders else (None, paths)
