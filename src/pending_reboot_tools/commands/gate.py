# SPDX-License-Identifier: Apache-2.0
"""`pending-reboot gate`: from facts and a policy to a decision."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pending_reboot import Decision, InputError, Policy, decide
from pending_reboot.duration import parse_duration
from pending_reboot.policy import parse_time
from pending_reboot_schedule import recurrence

from ..render_decisions import RENDERERS
from .common import FORMATS, Commands, add_command, names, read_text

_DESCRIPTION = """\
Decide whether a machine is rebooted now: none, reboot, defer or blocked, and why.

What could not be read blocks unless the policy says otherwise. With --history the gate never orders the same reboot
again when the last one did not help: it blocks and names what is stuck.
"""

_EPILOG = """\
exit codes:
  0   none: nothing waits for a reboot
  10  reboot: reboot now
  20  blocked: a person has to look
  30  defer: later, when the window opens or the uptime is reached
  2   the command line or an input file cannot be used

a policy (YAML or JSON, every field optional):
  sources: [windows_update, pending_file_rename]   # only these count; default: all
  skip_sources: [intune]
  ignore: ['*\\Temp\\*']                             # file operations that do not count
  strict: false                                    # count clean-up as pending
  on_unknown: block                                # block | reboot | ignore
  min_uptime: 1h
  max_reboots: 2
  max_reboots_within: 1d
  window:
    - rrule: FREQ=WEEKLY;BYDAY=SA,SU
      start: '22:00'
      duration: 4h
      timezone: Europe/Berlin
    - start: 2026-12-24T00:00:00Z
      end: 2026-12-27T00:00:00Z

examples:
  pending-reboot offline /mnt/windows --format json | pending-reboot gate --facts -
  pending-reboot gate --facts facts.json --policy policy.yml --history history.jsonl --record
"""

_EXIT_CODES = {"blocked": 20, "reboot": 10, "defer": 30, "none": 0}


def add(commands: Commands) -> None:
    """Add this command to the command line."""
    parser = add_command(
        commands,
        "gate",
        run,
        help_="decide from facts whether to reboot now",
        description=_DESCRIPTION,
        epilog=_EPILOG,
    )
    parser.add_argument(
        "--facts",
        metavar="FILE",
        required=True,
        help="facts as --format json prints them, one host a line; - for stdin",
    )
    parser.add_argument("--policy", metavar="FILE", help="YAML or JSON; without it the cautious defaults hold")
    parser.add_argument("--history", metavar="FILE", help="earlier decisions, one a line; need not exist yet")
    parser.add_argument("--record", action="store_true", help="append the decision to --history")
    parser.add_argument("--sources", metavar="ID[,ID...]", help="as in the policy, in its place")
    parser.add_argument("--skip-sources", metavar="ID[,ID...]", help="as in the policy, in its place")
    parser.add_argument("--ignore", metavar="PATTERN", action="append", help="as in the policy, added to it")
    parser.add_argument("--strict", action="store_true", help="as in the policy")
    parser.add_argument("--now", metavar="TIME", help="decide for this time (ISO 8601) instead of the current one")
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: table")


def run(options: argparse.Namespace) -> int:
    """Print a decision for each host and return the exit code of the gravest."""
    if options.record and not options.history:
        raise InputError("--record needs --history")
    facts = _objects(options.facts, "facts")
    if not facts:
        raise InputError("holds no facts", where=options.facts)
    policy = _policy(options)
    history = _history(options.history)
    now = parse_time(options.now, "--now") if options.now else None
    decisions = [decide(each, policy, _of_host(history, each, len(facts)), now) for each in facts]
    if options.record:
        _append(options.history, decisions)  # first: a decision that is acted on must not be lost
    print(RENDERERS[options.format]([decision.to_dict() for decision in decisions]))
    actions = {decision.action for decision in decisions}
    return next(code for action, code in _EXIT_CODES.items() if action in actions)


def _policy(options: argparse.Namespace) -> Policy:
    data = _yaml(options.policy) if options.policy else {}
    if options.sources is not None:
        data["sources"] = names(options.sources)
    if options.skip_sources is not None:
        data["skip_sources"] = names(options.skip_sources)
    policy = Policy.from_dict(data, recurrence=recurrence(InputError, parse_duration))
    return replace(policy, ignore=(*policy.ignore, *(options.ignore or ())), strict=policy.strict or options.strict)


def _yaml(path: str) -> dict[str, object]:
    import yaml

    try:
        data = yaml.safe_load(read_text(path, "policy"))
    except RecursionError as error:
        raise InputError("is no policy: it is nested too deeply", where=path) from error
    except yaml.YAMLError as error:
        raise InputError(f"is no YAML: {' '.join(str(error).split())}", where=path) from error
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError("is no policy: it must be a mapping", where=path)
    return data


def _objects(path: str, what: str) -> list[dict[str, Any]]:
    """Return the JSON objects in a file: one, or one a line."""
    text = read_text(path, what)
    try:
        whole = json.loads(text)
        found = whole if isinstance(whole, list) else [whole]
    except RecursionError as error:
        raise InputError(f"is no {what}: it is nested too deeply", where=path) from error
    except ValueError:
        found = [_line(line, f"{path}:{number}") for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    for each in found:
        if not isinstance(each, dict):
            raise InputError(f"is no {what}: it must hold JSON objects", where=path)
    return found


def _line(line: str, where: str) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"is no JSON: {error}", where=where) from error


def _history(path: str | None) -> list[dict[str, Any]]:
    if not path:
        return []
    try:
        return _objects(path, "history")
    except InputError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return []
        raise


def _of_host(history: list[dict[str, Any]], facts: Mapping[str, Any], hosts: int) -> list[dict[str, Any]]:
    """Return the decisions about this host; a history without host names belongs to a single host."""
    host = facts.get("host")
    return [each for each in history if each.get("host") == host or (hosts == 1 and not each.get("host"))]


def _append(path: str, decisions: list[Decision]) -> None:
    try:
        with Path(path).open("ab+") as file:
            if file.tell():
                file.seek(-1, os.SEEK_END)
                if file.read(1) != b"\n":
                    file.write(b"\n")
            file.writelines(json.dumps(decision.to_dict()).encode("ascii") + b"\n" for decision in decisions)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", where=path) from error
