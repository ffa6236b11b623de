# SPDX-License-Identifier: Apache-2.0
"""Hosts to scan, from words, files and Ansible inventories.

An inventory is read by Ansible itself where it is installed, else YAML inventories are understood. Connection variables
must be plain values: templates are not filled in, and nothing is decrypted.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from pending_reboot import InputError
from pending_reboot_wire.target import Target, configured

_HOST: Final = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\s:\[\]/@]+)(?::(\d{1,5}))?")
_NEEDS_ANSIBLE: Final = "pip install ansible-core, which reads inventories of every form"
#: Connections that are none of WinRM's.
_OTHERS: Final = frozenset({"ssh", "local", "smart", "paramiko", "paramiko_ssh", "docker", "network_cli", "netconf"})
#: Seconds that Ansible has for an inventory.
_PATIENCE: Final = 120


def target_from(word: str, usual: Target) -> Target:
    """Return the target that `HOST` or `HOST:PORT` names; the rest is as `usual`.

    Raises:
        InputError: it is none.
    """
    match = _HOST.fullmatch(word.strip())
    if not match:
        raise InputError(f"{word!r} is no host", hint="write web01, web01:5985 or [fe80::1]:5986")
    port = int(match[2]) if match[2] else usual.port
    return replace(usual, name=word.strip(), address=match[1].strip("[]"), port=port)


def targets_in(text: str, usual: Target) -> list[Target]:
    """Return the targets in a file with one host a line; `#` begins a comment.

    Raises:
        InputError: a line is no host.
    """
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [target_from(line, usual) for line in lines if line]


def inventory_targets(path: str, usual: Target, limit: str = "") -> list[Target]:
    """Return the targets of an Ansible inventory, with the connection variables that it sets.

    Args:
        path: the inventory's file or directory.
        usual: what holds where the inventory says nothing.
        limit: a pattern of hosts, as Ansible understands it (needs Ansible).

    Raises:
        InputError: it cannot be read, or a variable cannot be used.
    """
    if not Path(path).exists():
        raise InputError("cannot be read: No such file or directory", where=path)
    hosts = _by_ansible(path, limit)
    if hosts is None:
        if limit:
            raise InputError("a limit needs Ansible to understand it", where=path, hint="pip install ansible-core")
        hosts = dict(_by_yaml(path))
    if not hosts:
        raise InputError("holds no host", where=path)
    reached = {name: each for name, each in hosts.items() if each.get("ansible_connection") not in _OTHERS}
    if not reached:
        raise InputError("holds no host that is reached by WinRM", where=path)
    return [configured(name, variables, usual, path) for name, variables in reached.items()]


def _by_ansible(path: str, limit: str) -> dict[str, Mapping[str, Any]] | None:
    """Return the hosts and their variables as Ansible reads them, None when it is not installed.

    Ansible is asked as a program, because its licence is another one than this file's.
    """
    beside = Path(sys.executable).with_name("ansible-inventory")
    program = str(beside) if beside.exists() else shutil.which("ansible-inventory")
    if program is None:
        return None
    command = [program, "--list", "--inventory", path, *(["--limit", limit] if limit else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise InputError(f"ansible-inventory cannot read it ({type(error).__name__})", where=path) from error
    if done.returncode:
        lines = [line for line in done.stderr.splitlines() if line.strip()]
        raise InputError(f"ansible-inventory cannot read it: {' '.join(lines[-1:])}", where=path)
    content = json.loads(done.stdout)
    groups = (group.get("hosts", ()) for group in content.values() if isinstance(group, dict))
    variables = content.get("_meta", {}).get("hostvars", {})
    return {name: variables.get(name, {}) for name in dict.fromkeys(name for group in groups for name in group)}


def _by_yaml(path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the hosts of a YAML inventory of one file; what it does not understand is refused and never guessed."""
    from .yaml_file import parse

    def refuse(what: str, where: str = "") -> InputError:
        return InputError(what, where=f"{path}: {where}" if where else path, hint=_NEEDS_ANSIBLE)

    if any(Path(path).with_name(name).exists() for name in ("group_vars", "host_vars")):
        raise refuse("has group_vars or host_vars beside it")
    try:
        data = parse(Path(path).read_text("utf-8"), "inventory", path)
    except (OSError, UnicodeDecodeError, InputError) as error:
        raise refuse("is no YAML inventory") from error
    if not isinstance(data, Mapping) or not data:
        raise refuse("is no YAML inventory")
    seen: set[str] = set()
    hosts: dict[str, dict[str, Any]] = {}

    def group(name: str, content: object, above: Mapping[str, Any]) -> None:
        if name in seen:
            raise refuse("stands in several places", name)
        seen.add(name)
        parts = _mapping_of(content, ("hosts", "vars", "children"))
        if parts is None:
            raise refuse("is no group", name)
        variables = {**above, **parts["vars"]}
        for host, own in parts["hosts"].items():
            if not isinstance(own or {}, Mapping) or "[" in str(host) or str(host) in hosts:
                raise refuse("is no plain host, or stands in several groups", str(host))
            hosts[str(host)] = {**variables, **(own or {})}
        for child, inner in parts["children"].items():
            group(str(child), inner, variables)

    for name, content in data.items():
        group(str(name), content, {})
    yield from hosts.items()


def _mapping_of(content: object, names: Sequence[str]) -> dict[str, Mapping[str, Any]] | None:
    """Return the mappings of these names in a group, None when it is no group."""
    found = {} if content is None else content
    if not isinstance(found, Mapping) or not set(found) <= set(names):
        return None
    parts = {name: found.get(name) or {} for name in names}
    return parts if all(isinstance(part, Mapping) for part in parts.values()) else None
