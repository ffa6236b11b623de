# SPDX-License-Identifier: Apache-2.0
"""The same registry must give the same facts through every reader: turning a case into what each reader reads."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pending_reboot import Facts
from pending_reboot.readers.memory import MemoryKey, MemoryRegistry
from pending_reboot.registry import Unreadable, Value
from pending_reboot_tools.hive_writer import build_hive

from .cases import all_cases, registry


def holdable() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every case that is nothing but keys: no refusals, no answers of running programs."""
    for source_id, case in all_cases():
        refusals = {"denied", "failed"}.intersection(map(str, case.get("keys", {}).values()))
        if "keys" in case and not case.get("probes") and not refusals:
            yield source_id, case


def comparable(facts: Facts) -> dict[str, Any]:
    """Return the facts without what may differ between readers: who read when, and warnings."""
    content = facts.to_dict()
    del content["collected"]
    return content


def memory(case: dict[str, Any], *, last_writes: bool = True) -> MemoryRegistry:
    """Return the registry of a case, completed to what every Windows has."""
    reader = registry(case)
    reader.key(r"SYSTEM\CurrentControlSet\Control\Session Manager")
    reader.key(r"SOFTWARE\Microsoft\Windows\CurrentVersion")
    for key in _walk(reader.root):
        key.last_write = key.last_write or 0 if last_writes else None
    return reader


def hive_paths(reader: MemoryRegistry, folder: Path) -> dict[str, str]:
    """Write the registry as hive files; return their paths by hive name."""
    select = {"Current": Value.from_integer(1)}
    reader.key(r"SYSTEM\Select", select)
    system = reader.root.child("SYSTEM")
    assert system is not None
    current = system.child("CurrentControlSet")
    assert current is not None
    stored = MemoryRegistry()
    stored.key(r"SYSTEM\Select", select)
    _copy(current, stored.key(r"SYSTEM\ControlSet001"))
    paths = {}
    for name, root in (("SYSTEM", stored.root), ("SOFTWARE", reader.root), ("COMPONENTS", reader.root)):
        hive = root.child(name)
        if hive is not None:
            (folder / name).write_bytes(build_hive(hive, file_name=name))
            paths[name.lower()] = str(folder / name)
    return paths


def export(reader: MemoryRegistry) -> str:
    """Return the registry as the text of a .reg export."""
    lines = ["Windows Registry Editor Version 5.00", ""]
    for name, child in reader.root.children():
        assert isinstance(child, MemoryKey)
        lines += _exported(rf"HKEY_LOCAL_MACHINE\{name}", child)
    return "\r\n".join(lines) + "\r\n"


def _exported(path: str, key: MemoryKey) -> Iterator[str]:
    yield f"[{path}]"
    for name, value in key.values():
        assert isinstance(value, Value)
        quoted = name.replace("\\", "\\\\").replace('"', '\\"')
        yield f'"{quoted}"=hex({value.type:x}):{value.data.hex(",")}'
    yield ""
    for name, child in key.children():
        assert isinstance(child, MemoryKey)
        yield from _exported(rf"{path}\{name}", child)


def _copy(source: MemoryKey, target: MemoryKey) -> None:
    target.last_write = source.last_write
    for name, value in source.values():
        target.put(name, value)
    for name, child in source.children():
        assert not isinstance(child, Unreadable)
        _copy(child, target.add(name))


def _walk(key: MemoryKey) -> Iterator[MemoryKey]:
    yield key
    for _, child in key.children():
        if isinstance(child, MemoryKey):
            yield from _walk(child)
