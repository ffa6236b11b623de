# SPDX-License-Identifier: Apache-2.0
"""The facts: immutable values inside, plain JSON types at the border (`to_dict`).

They are named tuples and no dataclasses, because importing `dataclasses` costs a Salt grain more than all the rest.

The field names `reboot_required`, `reboot_required_reasons` and `last_reboot` are those of
`ansible.windows.win_reboot_info`, so that a playbook can swap one for the other.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, NamedTuple

from .registry import Unreadable, iso

#: The version of the facts' shape; a consumer checks it, it grows when a field changes its meaning.
SCHEMA: Final = 1

State = Literal["pending", "unknown", "advisory", "clear", "not_applicable"]

#: Which of several states wins, for a source made of parts and for a machine made of sources.
PRECEDENCE: Final[tuple[State, ...]] = ("pending", "unknown", "advisory", "clear", "not_applicable")

Action = Literal["replace", "rename", "delete"]
Weight = Literal["significant", "advisory", "ignored"]

#: What one file operation says about the machine, by its weight.
WEIGHT_STATES: Final[Mapping[str, State]] = {"significant": "pending", "advisory": "advisory", "ignored": "clear"}


def worst(states: Iterable[State]) -> State:
    """Return the state that wins among `states`; *clear* for none at all."""
    found = set(states)
    return next((state for state in PRECEDENCE if state in found), "clear")


def digest(content: object) -> str:
    """Return `sha256:...` of plain JSON content, the same for equal content everywhere."""
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("ascii")).hexdigest()


class FileOperation(NamedTuple):
    """One pair of PendingFileRenameOperations, decoded and weighed."""

    action: Action
    #: The path in its usual form (`C:\\...`, `\\\\server\\share\\...`), prefixes and markers stripped.
    source: str
    #: Where the file is moved to; None for a delete.
    target: str | None
    #: The target may exist already (MOVEFILE_REPLACE_EXISTING, written as a leading `!`).
    replace_existing: bool
    #: The registry value the pair stands in, and its place among that value's pairs (from 0).
    value: str
    index: int  # type: ignore[assignment]  # hides tuple.index, which nothing here uses
    #: The strings as they stand in the registry: two, or one for an odd tail.
    raw: tuple[str, ...]
    #: The pair is not well formed: no second string, or an empty first one.
    malformed: bool
    weight: Weight
    category: str
    #: Why it has this weight, in words.
    reason: str
    #: A system program is put in the place of another one.
    suspicious: bool = False
    #: The user's pattern that moved it to *ignored*.
    ignored_by: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {
            "action": self.action,
            "source": self.source,
            "target": self.target,
            "replace_existing": self.replace_existing,
            "value": self.value,
            "index": self.index,
            "weight": self.weight,
            "category": self.category,
            "reason": self.reason,
            "suspicious": self.suspicious,
            "ignored_by": self.ignored_by,
            "raw": list(self.raw),
            "malformed": self.malformed,
        }


class Update(NamedTuple):
    """An update that waits for the reboot."""

    update_id: str
    kb: tuple[str, ...] = ()
    title: str | None = None

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {"update_id": self.update_id, "kb": list(self.kb), "title": self.title}


class SourceResult(NamedTuple):
    """What one source says."""

    state: State
    #: One sentence for the user: why this state.
    description: str
    evidence: Mapping[str, object] = MappingProxyType({})
    error: Unreadable | None = None
    #: When the key that says so was last written.
    since: datetime | None = None
    #: Of what a reboot would complete, for telling "the same again" after it; None unless pending or advisory.
    digest: str | None = None
    updates: tuple[Update, ...] = ()
    operations: tuple[FileOperation, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types; updates and operations stand at the top of the facts."""
        return {
            "state": self.state,
            "description": self.description,
            "evidence": dict(self.evidence),
            "error": self.error.to_dict() if self.error else None,
            "since": iso(self.since) if self.since else None,
            "digest": self.digest,
        }


class LastReboot(NamedTuple):
    """When the machine started last, and who says so."""

    time: datetime
    source: str

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types; `time_epoch` is in seconds since 1970-01-01 UTC."""
        return {"time": iso(self.time), "time_epoch": int(self.time.timestamp()), "source": self.source}


class Collected(NamedTuple):
    """How the facts came about."""

    at: datetime
    reader: str
    version: str
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return plain JSON types."""
        return {"at": iso(self.at), "reader": self.reader, "version": self.version, "warnings": list(self.warnings)}


class Facts(NamedTuple):
    """Whether a machine waits for a reboot, why, since when, and how sure that is."""

    sources: Mapping[str, SourceResult]
    collected: Collected
    host: str | None = None
    last_reboot: LastReboot | None = None
    #: Count *advisory* as *pending*.
    strict: bool = False

    @property
    def state(self) -> State:
        """pending, unknown, advisory or clear, in that precedence."""
        state = worst(result.state for result in self.sources.values())
        if self.strict and any(result.state == "advisory" for result in self.sources.values()):
            return "pending"
        return "clear" if state == "not_applicable" else state

    @property
    def reboot_required(self) -> bool:
        """True when a reboot completes something; never because of an error."""
        return self.state == "pending"

    @property
    def complete(self) -> bool:
        """True when every source that was asked for could be read."""
        return all(result.state != "unknown" and result.error is None for result in self.sources.values())

    @property
    def reasons(self) -> tuple[tuple[str, str], ...]:
        """Source id and description of each source that makes the machine pending."""
        counted = ("pending", "advisory") if self.strict else ("pending",)
        return tuple((id_, result.description) for id_, result in self.sources.items() if result.state in counted)

    @property
    def file_operations(self) -> tuple[FileOperation, ...]:
        """Every pending file operation, in the order Windows executes them."""
        return tuple(operation for result in self.sources.values() for operation in result.operations)

    @property
    def updates(self) -> tuple[Update, ...]:
        """Every update that waits, each id once, with the most that any source knows of it."""
        merged: dict[str, Update] = {}
        for result in self.sources.values():
            for update in result.updates:
                known = merged.get(update.update_id.lower())
                merged[update.update_id.lower()] = (
                    Update(known.update_id, known.kb or update.kb, known.title or update.title) if known else update
                )
        return tuple(merged.values())

    def to_dict(self) -> dict[str, object]:
        """Return the facts as plain JSON types, in the shape of schema 1."""
        operations = self.file_operations
        return {
            "schema": SCHEMA,
            "state": self.state,
            "reboot_required": self.reboot_required,
            "complete": self.complete,
            "strict": self.strict,
            "reboot_required_reasons": [{"source": id_, "description": text} for id_, text in self.reasons],
            "sources": {id_: result.to_dict() for id_, result in self.sources.items()},
            "file_operations": [operation.to_dict() for operation in operations],
            "file_operations_digest": digest([[operation.value, *operation.raw] for operation in operations]),
            "updates": [update.to_dict() for update in self.updates],
            "last_reboot": self.last_reboot.to_dict() if self.last_reboot else None,
            "host": self.host,
            "collected": self.collected.to_dict(),
        }
