# SPDX-License-Identifier: Apache-2.0
"""What the PowerShell probe would answer on a machine that some other reader reads.

The machine behind it is a reader, so what is simulated is the probe and not the machine: the in-memory registry, or a
genuine one. The shape of requests and answers is docs/probe.schema.json.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from pending_reboot.files import FileInfo, FileReader, version_text
from pending_reboot.readers.probe import SCHEMA
from pending_reboot.registry import Absent, Children, Key, KeyQuery, Unreadable, Value


def answer(request: Mapping[str, Any], reader: FileReader) -> dict[str, Any]:
    """Return what the probe answers on the machine that `reader` reads.

    Args:
        request: the probe's options: `registry`, `files`, `components`.
        reader: answers what it asks for.
    """
    return {
        "schema": SCHEMA,
        "registry": [_key(entry, reader) for entry in request.get("registry") or ()],
        "files": [_file(entry, reader) for entry in request.get("files") or ()],
        "components": {name: _component(reader.probe(name)) for name in request.get("components") or ()},
    }


def _state(found: object) -> dict[str, Any]:
    if isinstance(found, Absent):
        return {"state": "absent", "error": None}
    if isinstance(found, Unreadable):
        return {"state": found.kind, "error": {"code": found.code, "message": found.message}}
    return {"state": "present", "error": None}


def _key(entry: Mapping[str, Any], reader: FileReader) -> dict[str, Any]:
    pattern = entry.get("subkeys")
    children = None if pattern is None else Children(pattern, tuple(entry.get("subkey_names") or ()))
    found = reader.read(
        KeyQuery(entry["path"], tuple(entry.get("names") or ()), children, 32 if entry.get("view") == 32 else 64)
    )
    seen = {"path": entry["path"], "view": entry.get("view", 64), **_state(found)}
    if not isinstance(found, Key):
        return seen | {"last_write": None, "found": [], "subkeys_found": [], "listing_error": None}
    return seen | {
        "last_write": found.last_write,
        "found": _values(found),
        "subkeys_found": [_child(name, child) for name, child in found.children.items()],
        "listing_error": None if found.listing is None else _state(found.listing),
    }


def _child(name: str, child: Key | Unreadable) -> dict[str, Any]:
    return {
        "name": name,
        **_state(child),
        "last_write": child.last_write if isinstance(child, Key) else None,
        "found": _values(child) if isinstance(child, Key) else [],
    }


def _values(key: Key) -> Sequence[dict[str, Any]]:
    return [
        {
            "name": name,
            **_state(value),
            "type": value.type if isinstance(value, Value) else None,
            "data": base64.b64encode(value.data).decode("ascii") if isinstance(value, Value) else None,
        }
        for name, value in key.values.items()
    ]


def _file(entry: Mapping[str, Any], reader: FileReader) -> dict[str, Any]:
    path, digest = entry["path"], bool(entry.get("digest"))
    found = reader.file(path, digest=digest)
    if digest and isinstance(found, FileInfo) and found.sha256 is None and found.error:
        found = found.error  # who cannot read the content tells nothing of the file
    return {
        "path": path,
        **_state(found),
        "version": version_text(found.version) if isinstance(found, FileInfo) else None,
        "version_error": _state(found.error) if isinstance(found, FileInfo) and found.error else None,
        "sha256": found.sha256 if isinstance(found, FileInfo) and digest else None,
        "long_path": reader.long_path(path),
    }


def _component(found: Mapping[str, object] | Absent | Unreadable) -> dict[str, Any]:
    answered = dict(found) if isinstance(found, Mapping) else None
    return {**_state(found), "answer": answered}
