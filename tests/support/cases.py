# SPDX-License-Identifier: Apache-2.0
"""Cases in YAML: a registry as a person would write it down, and what its facts must be."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from pending_reboot.readers.memory import DENIED, MemoryRegistry
from pending_reboot.registry import ABSENT, REG_BINARY, REG_QWORD, Absent, Capabilities, Unreadable, Value

CASES = Path(__file__).parent.parent / "unit" / "core" / "sources"

FAILED = Unreadable("failed", 1018, "the key is marked for deletion")
UNSUPPORTED = Unreadable("unsupported", None, "this reader cannot ask")

#: What a reader sees, by the word a case uses.
SIGHTS = {
    "live": Capabilities(),
    "shut down": Capabilities("lost", "the machine was shut down", live=False),
    "crashed": Capabilities("hidden", "the hive is dirty", live=False),
}


def cases(source_id: str) -> list[dict[str, Any]]:
    """Return the cases of one source."""
    loaded = yaml.safe_load((CASES / f"{source_id}.yml").read_text("utf-8"))
    assert isinstance(loaded, list)
    return loaded


def all_cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Return every case of every source."""
    for path in sorted(CASES.glob("*.yml")):
        for case in cases(path.stem):
            yield path.stem, case


def value(written: object) -> Value:
    """Return the value a case writes: an integer is a DWORD, a list a REG_MULTI_SZ, text a REG_SZ."""
    if isinstance(written, int):
        return Value.from_integer(written)
    if isinstance(written, list):
        return Value.from_strings(written)
    if isinstance(written, dict):
        ((kind, content),) = written.items()
        return {
            "qword": lambda: Value.from_integer(content, REG_QWORD),
            "binary": lambda: Value(REG_BINARY, bytes.fromhex(content)),
            "raw": lambda: Value(content[0], bytes.fromhex(content[1])),
        }[kind]()
    return Value.from_text(str(written))


def registry(case: dict[str, Any]) -> MemoryRegistry:
    """Return the in-memory registry of a case."""
    reader = MemoryRegistry(
        capabilities=SIGHTS[case.get("machine", "live")],
        probes={name: answer(each) for name, each in case.get("probes", {}).items()},
    )
    for path, content in case.get("keys", {}).items():
        if content in ("denied", "failed"):
            reader.fail(path, {"denied": DENIED, "failed": FAILED}[content])
            continue
        content = dict(content or {})
        written = content.pop("last_write", None)
        reader.key(path, {name: value(each) for name, each in content.items()}, last_write=written)
    return reader


def answer(written: object) -> dict[str, object] | Absent | Unreadable:
    """Return the answer to a probe that a case writes."""
    if isinstance(written, dict):
        return written
    answers: dict[object, Absent | Unreadable] = {
        "absent": ABSENT,
        "denied": Unreadable("denied", 0x80070005, "access is denied"),
        "failed": Unreadable("failed", 0x8024A000, "the service does not answer"),
        "unsupported": UNSUPPORTED,
    }
    return answers[written]
