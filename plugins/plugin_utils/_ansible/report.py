# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the report of a fleet, for the module and the callback."""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from ..pending_reboot import InputError
from ..pending_reboot.fleet_report import FORMATS, HostReport
from .plain import plain

#: Facts that the roles leave.
GATE = "reboot_gate_result"
PATCHES = "manual_patch_results"
#: A fact that says why a host could not be read in this run: nothing that is known of it counts then.
PROBLEM = "report_problem"


def began() -> datetime:
    """Return when this run of Ansible began, in full seconds as the facts have them.

    Ansible does not tell its tasks. But Python's logging knows when it was loaded, which Ansible does as it starts, and
    the process of a task is a fork of Ansible's.
    """
    record = logging.makeLogRecord({})
    return datetime.fromtimestamp(int(record.created - record.relativeCreated / 1000), timezone.utc)


def gate_of(known: Mapping[str, Any]) -> dict[str, Any]:
    """Return what became of a host at the gate in this run, nothing when it was at none or did not get through."""
    gate = plain(known.get(GATE))
    return gate if isinstance(gate, dict) else {}


def patches_of(known: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the patches of a host that were looked at in this run."""
    patches = plain(known.get(PATCHES))
    entries = patches if isinstance(patches, list) else []
    return [each for each in entries if isinstance(each, dict) and {"name", "verdict"} <= each.keys()]


def write(hosts: Sequence[HostReport], folder: str, formats: Sequence[str], *, dry: bool = False) -> dict[str, str]:
    """Write `reboots.json` and so on into `folder`; return the paths by format, which `dry` only tells.

    Raises:
        InputError: an unknown format, or a file that cannot be written.
    """
    unknown = sorted(set(formats) - FORMATS.keys())
    if unknown or not formats:
        hint = f"one or more of {', '.join(FORMATS)}"
        raise InputError(f"{unknown[0]!r} is not known" if unknown else "is empty", where="formats", hint=hint)
    now = datetime.now(timezone.utc)
    written: dict[str, str] = {}
    for name in dict.fromkeys(formats):
        extension, render = FORMATS[name]
        path = Path(folder).expanduser() / f"reboots{extension}"
        written[name] = str(path)
        if dry:
            continue
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            beside = path.with_name(f".{path.name}.{os.getpid()}.new")  # its own, where several hosts write at once
            beside.write_text(render(hosts, now), "utf-8")
            beside.replace(path)  # nobody reads half a report
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", where=str(path)) from error
    return written
