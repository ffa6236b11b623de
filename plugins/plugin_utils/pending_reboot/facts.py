# SPDX-License-Identifier: Apache-2.0
"""From a reader to facts: ask every query once, let every source judge, put the results together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timezone

from ._version import VERSION
from .model import Collected, Facts, LastReboot
from .probes import BOOT_TIME, HOST
from .registry import Answer, Key, KeyQuery, Reader, Value
from .source import Observations, Source
from .sources import select
from .sources.pending_computer_rename import CONFIGURED


def facts_from(
    reader: Reader,
    *,
    sources: Sequence[str] = (),
    skip: Sequence[str] = (),
    ignore: Sequence[str] = (),
    strict: bool = False,
    packages: bool = False,
    now: datetime | None = None,
) -> Facts:
    """Return the facts of the machine that `reader` reads.

    Args:
        reader: answers the queries.
        sources: ids of the sources to ask; none means all.
        skip: ids of sources to leave out.
        ignore: patterns of file operations to ignore (see `file_operations.ignoring`).
        strict: count *advisory* as *pending*.
        packages: read the state of every package of a live machine as well (thousands of keys).
        now: when the facts were collected; the current time when not given.

    Raises:
        InputError: an unknown source id.
    """
    chosen = select(tuple(sources), tuple(skip))
    seen = observe(reader, chosen, ignore=tuple(ignore), packages=packages)
    boot = _last_reboot(seen)
    return Facts(
        sources={source.id: source.evaluate(seen) for source in chosen},
        collected=Collected(now or datetime.now(timezone.utc), reader.name, VERSION, tuple(reader.warnings)),
        host=_host(seen),
        last_reboot=boot,
        strict=strict,
    )


def observe(
    reader: Reader, sources: Sequence[Source], *, ignore: tuple[str, ...] = (), packages: bool = False
) -> Observations:
    """Return what `reader` answers to everything that `sources` ask, each question asked once."""
    live = reader.capabilities.live
    wanted = {"always"} | (set() if live else {"offline", "packages"}) | ({"packages"} if packages else set())
    queries = dict.fromkeys(query for source in sources for query in source.queries if query.only in wanted)
    queries[CONFIGURED] = None
    names = dict.fromkeys((BOOT_TIME, HOST, *(probe for source in sources for probe in source.probes)))
    keys: dict[KeyQuery, Answer] = {query: reader.read(query) for query in queries}
    probes = {name: reader.probe(name) for name in names}
    seen = Observations(reader.capabilities, keys, probes, ignore=ignore)
    boot = _last_reboot(seen)
    return Observations(reader.capabilities, keys, probes, boot.time if boot else None, ignore)


def _last_reboot(seen: Observations) -> LastReboot | None:
    answer = seen.probes.get(BOOT_TIME)
    epoch = answer.get("time_epoch") if isinstance(answer, Mapping) else None
    if not isinstance(answer, Mapping) or not isinstance(epoch, (int, float)):
        return None
    return LastReboot(datetime.fromtimestamp(epoch, timezone.utc), str(answer.get("source", "")))


def _host(seen: Observations) -> str | None:
    answer = seen.probes.get(HOST)
    if isinstance(answer, Mapping):
        return str(answer.get("name"))
    key = seen.keys.get(CONFIGURED)
    value = key.values.get("ComputerName") if isinstance(key, Key) else None
    return value.text() if isinstance(value, Value) and value.type == 1 else None
