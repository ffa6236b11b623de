# SPDX-License-Identifier: Apache-2.0
"""Reading YAML and JSON that people wrote, or that somebody made to do harm: one clear line for whatever is wrong."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

import yaml

from pending_reboot import InputError

#: Values that a file may hold. Aliases can make a few lines hold billions.
_MOST: Final = 200_000
_LARGEST: Final = 2**64


class _Loader(yaml.SafeLoader):
    """Refuses a field that is written twice, where YAML takes the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _value in node.value if isinstance(key, yaml.ScalarNode) and key.value != "<<"]
        twice = next((name for name in names if names.count(name) > 1), None) if len(names) < _MOST_FIELDS else None
        if twice is not None:
            raise yaml.constructor.ConstructorError(None, None, f"{twice!r} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


_MOST_FIELDS: Final = 1000


def parse(text: str, what: str, where: str) -> object:
    """Return the data in YAML or JSON text.

    Raises:
        InputError: it is neither, or holds too much. `what` says what it should be, `where` names it.
    """
    try:
        data = _json(text)
        data = yaml.load(text, _Loader) if data is None else data
    except RecursionError as error:
        raise InputError(f"is no {what}: it is nested too deeply", where=where) from error
    except yaml.YAMLError as error:
        raise InputError(f"is no YAML: {' '.join(str(error).split())}", where=where) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        # What the loader of YAML makes of dates and numbers that are none.
        raise InputError(f"is no {what}: it holds a value that cannot be used ({error})", where=where) from error
    for number, value in enumerate(_values(data)):
        if number >= _MOST:
            raise InputError(f"is no {what}: it holds too much", where=where)
        if isinstance(value, int) and abs(value) >= _LARGEST:
            raise InputError("holds a number that is too large", where=where)
    return data


def _json(text: str) -> object:
    """Return the data in JSON, None when it is none; not all of it is YAML (tabs, halves of surrogate pairs)."""
    if not text.lstrip().startswith(("{", "[")):
        return None
    try:
        return json.loads(text, object_pairs_hook=_fields)
    except ValueError:
        return None


def _fields(pairs: list[tuple[str, object]]) -> dict[str, object]:
    fields = dict(pairs)
    if len(fields) < len(pairs):
        raise yaml.YAMLError("a field is there twice")
    return fields


def _values(data: object) -> Iterator[object]:
    """Return every value in the data, one that aliases name again each time."""
    todo = [data]
    while todo:
        value = todo.pop()
        yield value
        if isinstance(value, dict):
            todo += [*value.keys(), *value.values()]
        elif isinstance(value, (list, tuple, set)):
            todo += value
