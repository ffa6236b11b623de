# SPDX-License-Identifier: Apache-2.0
"""The `pending-reboot` command line."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from pending_reboot import PendingRebootError, __version__

#: In the order of --help.
COMMANDS = (
    "local",
    "scan",
    "offline",
    "patch-state",
    "gate",
    "reboot",
    "record",
    "inventory-mof",
    "simulate",
    "demo",
)

_EPILOG = """\
exit codes:
  0   clear, or only clean-up waits for the next boot
  10  a reboot is pending
  20  not known: a source could not be read
  2   the command line or an input file cannot be used

examples:
  pending-reboot local
  pending-reboot offline --system SYSTEM --software SOFTWARE
  pending-reboot offline /mnt/windows --format json | pending-reboot gate --facts -
"""


def parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """Return the command line with these commands; each one's module is imported here and not before."""
    top = argparse.ArgumentParser(
        prog="pending-reboot",
        description="Tell whether a Windows machine waits for a reboot, why, since when, and how sure that is.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    top.add_argument("--version", action="version", version=f"pending-reboot {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True, prog=top.prog)
    for name in names:
        importlib.import_module(f".commands.{name.replace('-', '_')}", __package__).add(commands)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    words = sys.argv[1:] if arguments is None else arguments
    try:
        options = parser([words[0]] if words and words[0] in COMMANDS else COMMANDS).parse_args(words)
        code: int = options.run(options)
        sys.stdout.flush()
        return code
    except PendingRebootError as error:
        from pending_reboot.escape import printable

        print(f"pending-reboot: error: {printable(str(error))}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        # The reader of our output has gone; nothing may be written to it at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:  # of files that are read and written, each place has its own words
        print(f"pending-reboot: error: the output cannot be written: {error.strerror}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130
