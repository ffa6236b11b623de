# SPDX-License-Identifier: Apache-2.0
"""Every source of pending state, one module each.

A module in this folder that defines `SOURCE` is a source: there is no list to edit.
"""

from __future__ import annotations

import importlib
import os
from functools import cache

from ..errors import InputError
from ..source import Source


@cache
def all_sources() -> tuple[Source, ...]:
    """Return every source, in the order of the facts."""
    # pkgutil would do this too, but it imports inspect, which costs more than all sources.
    files = (entry.name for folder in __path__ for entry in os.scandir(folder))
    names = {name.partition(".")[0] for name in files if name.endswith((".py", ".pyc"))} - {"__init__"}
    modules = [importlib.import_module(f".{name}", __name__) for name in names]
    return tuple(sorted((module.SOURCE for module in modules), key=lambda source: source.rank))


def select(wanted: tuple[str, ...] = (), skip: tuple[str, ...] = ()) -> tuple[Source, ...]:
    """Return the sources with the ids in `wanted` (all for none), without those in `skip`.

    Raises:
        InputError: an id that is no source's, or no source is left: nothing asked is nothing known.
    """
    known = {source.id for source in all_sources()}
    for id_ in (*wanted, *skip):
        if id_ not in known:
            raise InputError(f"there is no source {id_!r}", hint=f"known: {', '.join(s.id for s in all_sources())}")
    chosen = tuple(source for source in all_sources() if (not wanted or source.id in wanted) and source.id not in skip)
    if not chosen:
        raise InputError("every source is left out, so nothing would be known")
    return chosen
