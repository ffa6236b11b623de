# SPDX-License-Identifier: Apache-2.0
"""A machine as the PowerShell probe (`win_pending_reboot_probe`) saw it: plain JSON, asked for in rounds.

The probe has no rules. It is told which keys, files and components to look at, and tells what it saw. `gather` runs the
rules against what is known so far, has the probe look at what they asked for, and runs them again until nothing new is
asked for: once for facts, once or twice more for the files that pending file operations lead to.

References:
    docs/probe.schema.json (the shape of requests and answers)
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Literal, TypeVar

from ..errors import InputError
from ..facts import facts_from
from ..files import FileInfo, FileReader, parse_version
from ..hresult import answer as hresult_answer
from ..model import Facts
from ..probes import (
    BOOT_TIME,
    CONFIGURATION_MANAGER,
    DESIRED_STATE,
    HOST,
    WINDOWS_UPDATE_AGENT,
    WINDOWS_UPDATE_SETTINGS,
)
from ..registry import ABSENT, Absent, Answer, Capabilities, Key, KeyQuery, Unreadable, Value

T = TypeVar("T")

#: The version of the probe's answers.
SCHEMA: Final = 1
#: What the probe can ask beside the registry and files.
COMPONENTS: Final = (
    BOOT_TIME,
    HOST,
    WINDOWS_UPDATE_AGENT,
    WINDOWS_UPDATE_SETTINGS,
    CONFIGURATION_MANAGER,
    DESIRED_STATE,
)
#: How often the probe is run for one result. A chain of pending file operations takes one more for each link.
_MOST_RUNS: Final = 8

#: Has the probe look, and returns what it answers. Raises what the front end wants to end with.
Ask = Callable[[dict[str, Any]], Mapping[str, Any]]

_NOT_ASKED_YET: Final = Unreadable("failed", None, f"the probe was run {_MOST_RUNS} times and did not come to an end")
_CANNOT_ASK: Final = Unreadable("unsupported", None, "the probe cannot ask for it")


class ProbeReader:
    """Answers from what the probe saw, and remembers what it was asked beyond that. Satisfies `files.FileReader`."""

    name = "powershell"
    capabilities = Capabilities()

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self._keys: dict[tuple[object, ...], Answer] = {}
        self._files: dict[tuple[str, bool], FileInfo | Absent | Unreadable] = {}
        self._long_paths: dict[str, str | None] = {}
        self._components: dict[str, Mapping[str, object] | Absent | Unreadable] = {}
        self._wanted_keys: dict[tuple[object, ...], KeyQuery] = {}
        self._wanted_files: dict[tuple[str, bool], str] = {}
        self._wanted_components: dict[str, None] = {}

    def read(self, query: KeyQuery) -> Answer:
        """Answer one registry question."""
        mark = (query.path.lower(), query.view, query.values, query.children)
        if mark not in self._keys:
            self._wanted_keys[mark] = query
        return self._keys.get(mark, _NOT_ASKED_YET)

    def probe(self, name: str) -> Mapping[str, object] | Absent | Unreadable:
        """Answer a question that is none of the registry's."""
        if name not in COMPONENTS:
            return _CANNOT_ASK
        if name not in self._components:
            self._wanted_components[name] = None
        return self._components.get(name, _NOT_ASKED_YET)

    def file(self, path: str, *, digest: bool = False) -> FileInfo | Absent | Unreadable:
        """Answer what is at `path`."""
        mark = (path.lower(), digest)
        if mark not in self._files:
            self._wanted_files[mark] = path
        return self._files.get(mark, _NOT_ASKED_YET)

    def long_path(self, path: str) -> str | None:
        """Return `path` with its short names spelled out, None when that is not known."""
        if path.lower() not in self._long_paths:
            self._wanted_files[(path.lower(), False)] = path
        return self._long_paths.get(path.lower())

    def request(self) -> dict[str, Any] | None:
        """Return what the probe has to look at, as its options; None when everything asked for is known."""
        if not (self._wanted_keys or self._wanted_files or self._wanted_components):
            return None
        return {
            "registry": [_request_of(query) for query in self._wanted_keys.values()],
            "files": [{"path": path, "digest": mark[1]} for mark, path in self._wanted_files.items()],
            "components": list(self._wanted_components),
        }

    def learn(self, answer: Mapping[str, Any]) -> None:
        """Take in what the probe answered to `request`.

        Raises:
            InputError: it is no answer to that.
        """
        if answer.get("schema") != SCHEMA:
            raise InputError(f"answered in schema {answer.get('schema')!r}, this program knows {SCHEMA}", where=_WHERE)
        keys = _entries(answer, "registry", len(self._wanted_keys))
        files = _entries(answer, "files", len(self._wanted_files))
        components = answer.get("components")
        if not isinstance(components, Mapping) or not self._wanted_components.keys() <= components.keys():
            raise InputError("did not answer about every component", where=_WHERE)
        for (mark, query), entry in zip(self._wanted_keys.items(), keys, strict=True):
            if str(entry.get("path")).lower() != mark[0] or entry.get("view") != query.view:
                raise InputError(f"answered about {entry.get('path')!r} in place of {query.path}", where=_WHERE)
            self._keys[mark] = _understood(lambda entry=entry: _key(entry))  # type: ignore[misc]
        for mark_, entry in zip(self._wanted_files, files, strict=True):
            if str(entry.get("path")).lower() != mark_[0]:  # such as a name that is no valid UTF-16
                self._files[mark_] = Unreadable("failed", None, "the probe cannot be asked about this name")
                continue
            self._files[mark_] = _understood(lambda entry=entry, mark=mark_: _file(entry, mark[1]))  # type: ignore[misc]
            spelled_out = entry.get("long_path")
            self._long_paths[mark_[0]] = None if spelled_out is None else str(spelled_out)
        for name in self._wanted_components:
            self._components[name] = _understood(lambda name=name: _component(name, components[name]))  # type: ignore[misc]
        self._wanted_keys, self._wanted_files, self._wanted_components = {}, {}, {}


_WHERE: Final = "the probe"


def gather(ask: Ask, work: Callable[[FileReader], T]) -> T:
    """Return what `work` makes of the machine that `ask` lets the probe look at.

    Args:
        ask: runs the probe with the options it is given (`registry`, `files`, `components`), returns its answer.
        work: the rules, such as `facts_from`. It is run several times, and only what it returns last counts.

    Raises:
        InputError: the probe's answer is none.
    """
    reader = ProbeReader()
    for _run in range(_MOST_RUNS):
        result = work(reader)
        request = reader.request()
        if request is None:
            return result
        reader.learn(ask(request))
    return work(reader)


def facts_from_probe(answer: Mapping[str, Any], **options: Any) -> Facts:
    """Return the facts of the machine that the probe looked at earlier, when it was asked for nothing in particular.

    Args:
        answer: what it answered, such as from a file.
        options: what `facts_from` takes; `now` is when the probe looked.

    Raises:
        InputError: it is no such answer, or one to the questions of another version of this package.
    """
    reader = ProbeReader()
    facts_from(reader)
    reader.learn(answer)
    return facts_from(reader, **options)


def _request_of(query: KeyQuery) -> dict[str, Any]:
    children = query.children
    return {
        "path": query.path,
        "view": query.view,
        "names": list(query.values),
        "subkeys": children.pattern if children else None,
        "subkey_names": list(children.values) if children else [],
    }


def _entries(answer: Mapping[str, Any], name: str, wanted: int) -> Sequence[Mapping[str, Any]]:
    entries = answer.get(name)
    if not isinstance(entries, (list, tuple)) or len(entries) != wanted:
        raise InputError(f"did not answer every question about {name}", where=_WHERE)
    if not all(isinstance(entry, Mapping) for entry in entries):
        raise InputError(f"gave what is no answer about {name}", where=_WHERE)
    return entries


def _understood(read: Callable[[], Any]) -> Any:
    """Return what `read` finds in an answer; one that has not its shape is unreadable, and only that one."""
    try:
        return read()
    except (KeyError, TypeError, ValueError, AttributeError, binascii.Error, InputError):
        return Unreadable("failed", None, "the probe's answer about it has not the shape that it must have")


def _state(entry: Mapping[str, Any]) -> Absent | Unreadable | None:
    """Return what an entry says in place of being there, None when it is there."""
    if entry["state"] == "present":
        return None
    if entry["state"] == "absent":
        return ABSENT
    kinds: Mapping[str, Literal["denied", "failed", "unsupported"]] = {
        "denied": "denied",
        "failed": "failed",
        "unsupported": "unsupported",
    }
    error = entry["error"]
    code = error["code"]
    said = " ".join(str(error["message"]).split())
    return Unreadable(kinds[entry["state"]], None if code is None else int(code), said)


def _key(entry: Mapping[str, Any]) -> Answer:
    state = _state(entry)
    if state is not None:
        return state
    children: dict[str, Key | Unreadable] = {}
    for child in entry["subkeys_found"]:
        found = _state(child)
        if found is None:
            children[str(child["name"])] = Key(_last_write(child), _values(child))
        elif isinstance(found, Unreadable):
            children[str(child["name"])] = found
    return Key(_last_write(entry), _values(entry), children, _problem(entry["listing_error"]))


def _problem(entry: Mapping[str, Any] | None) -> Unreadable | None:
    """Return why a part could not be read. What was there and is gone a moment later could not be read either."""
    found = None if entry is None else _state(entry)
    return Unreadable("failed", None, "it was gone before it could be read") if isinstance(found, Absent) else found


def _last_write(entry: Mapping[str, Any]) -> int | None:
    written = entry["last_write"]
    return None if written is None else int(written)


def _values(entry: Mapping[str, Any]) -> dict[str, Value | Unreadable]:
    found: dict[str, Value | Unreadable] = {}
    for each in entry["found"]:
        state = _state(each)
        if state is None:
            found[str(each["name"])] = Value(int(each["type"]), base64.b64decode(each["data"], validate=True))
        elif isinstance(state, Unreadable):
            found[str(each["name"])] = state
    return found


def _file(entry: Mapping[str, Any], digest: bool) -> FileInfo | Absent | Unreadable:
    state = _state(entry)
    if state is not None:
        return state
    unread = _problem(entry["version_error"])
    version, sha256 = entry["version"], entry["sha256"]
    return FileInfo(
        None if version is None else parse_version(version, _WHERE),
        None if sha256 is None else str(sha256).lower(),
        None if digest else unread,  # who asked for the digest does not care for the version
    )


def _component(name: str, entry: Mapping[str, Any]) -> Mapping[str, object] | Absent | Unreadable:
    """Return a component's answer; what an HRESULT means is known here and not by the probe."""
    state = _state(entry)
    if isinstance(state, Unreadable) and state.kind != "unsupported" and state.code is not None:
        return hresult_answer(state.code, state.message)
    if state is not None:
        return state
    told = dict(entry["answer"])
    refused = told.pop("return_value", 0) if name == WINDOWS_UPDATE_SETTINGS else 0
    if refused:
        return hresult_answer(int(refused), f"IsPendingReboot returned {refused}")
    if name == DESIRED_STATE and not told["lcm_state"]:
        return Unreadable("failed", None, "the answer holds no LCMState")
    return told
