# SPDX-License-Identifier: Apache-2.0
"""Options and output that several commands share."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pending_reboot import InputError
from pending_reboot.escape import printable
from pending_reboot.text import names

from ..render import FactsDict, as_csv, as_json, as_markdown, as_table, wants_colour

FORMATS = ("json", "table", "markdown", "csv")

#: Exit code by state; the first one that any host has wins.
EXIT_CODES: Mapping[str, int] = {"pending": 10, "unknown": 20, "advisory": 0, "clear": 0}

Commands = Any  # argparse's type for this is private


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    help_: str,
    description: str,
    epilog: str,
) -> argparse.ArgumentParser:
    """Return the parser of a new command."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=help_,
        description=description,
        epilog=epilog,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=run)
    return parser


def add_facts_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of every command that makes facts."""
    group = parser.add_argument_group("what counts")
    group.add_argument("--sources", metavar="ID[,ID...]", default="", help="ask only these sources")
    group.add_argument("--skip-sources", metavar="ID[,ID...]", default="", help="leave these sources out")
    group.add_argument(
        "--ignore",
        metavar="PATTERN",
        action="append",
        default=[],
        help="ignore file operations on matching paths, for example '*\\Temp\\*' (may be repeated)",
    )
    group.add_argument("--strict", action="store_true", help="count clean-up at the next boot as pending")
    output = parser.add_argument_group("output")
    output.add_argument("--format", choices=FORMATS, default="table", help="default: table")
    output.add_argument("--all", action="store_true", help="list every file operation in the table")


def facts_arguments(options: argparse.Namespace) -> dict[str, Any]:
    """Return the arguments that `add_facts_options` stands for, as every maker of facts takes them."""
    return {
        "sources": names(options.sources, "--sources"),
        "skip": names(options.skip_sources, "--skip-sources"),
        "ignore": options.ignore,
        "strict": options.strict,
    }


def show(facts: Sequence[FactsDict], options: argparse.Namespace) -> int:
    """Print the facts of one or more hosts, warnings to standard error, and return the exit code."""
    for each in facts:
        for warning in each["collected"]["warnings"]:
            print(f"pending-reboot: warning: {printable(warning)}", file=sys.stderr)
    if options.format == "csv":
        print(as_csv(facts))
    for each in facts:
        if options.format == "json":
            print(as_json(each))
        elif options.format == "markdown":
            print(as_markdown(each))
        elif options.format == "table":
            print(as_table(each, colour=wants_colour(sys.stdout), everything=options.all))
    states = [each["state"] for each in facts]
    return next((code for state, code in EXIT_CODES.items() if state in states), 0)


def read_text(path: str, what: str) -> str:
    """Return the text of a file, of standard input for `-`.

    Raises:
        InputError: it cannot be read, or is not UTF-8.
    """
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", where=path) from error
    except UnicodeDecodeError as error:
        raise InputError(f"is no UTF-8 text, so no {what}", where=path) from error


def read_yaml(path: str, what: str) -> object:
    """Return the data in a YAML or JSON file, of standard input for `-`.

    Raises:
        InputError: it cannot be read, or is no YAML. `what` says what it should be.
    """
    from ..yaml_file import parse

    return parse(read_text(path, what), what, path)
