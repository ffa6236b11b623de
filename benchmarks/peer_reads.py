# SPDX-License-Identifier: Apache-2.0
"""The reads of `pending-reboot offline`, done with another library: `peer_reads.py LIBRARY QUERIES.json`.

The queries come as JSON, so that a peer's process pays for nothing but its own library and the reads. hivex is a
Debian package of the system's Python, so this file must run on whatever Python that is, without this project.
"""

from __future__ import annotations

import fnmatch
import json
import sys
from typing import Any


def with_python_registry(path: str, queries: list[dict[str, Any]]) -> int:
    """Read with python-registry; return how many values were found."""
    from Registry import Registry

    hive = Registry.Registry(path)
    found = 0

    def values(key: Any, names: list[str]) -> int:
        number = 0
        for name in names:
            try:
                key.value(name).raw_data()
                number += 1
            except Registry.RegistryValueNotFoundException:
                continue
        return number

    for query in queries:
        try:
            key = hive.open(query["path"])
        except Registry.RegistryKeyNotFoundException:
            continue
        found += values(key, query["values"])
        if query["pattern"]:
            for child in key.subkeys():
                if fnmatch.fnmatch(child.name().lower(), query["pattern"].lower()):
                    found += values(child, query["child_values"])
    return found


def with_hivex(path: str, queries: list[dict[str, Any]]) -> int:
    """Read with hivex; return how many values were found."""
    import hivex

    hive = hivex.Hivex(path)
    found = 0

    def values(node: Any, names: list[str]) -> int:
        number = 0
        for name in names:
            try:
                hive.value_value(hive.node_get_value(node, name))
                number += 1
            except (RuntimeError, TypeError):
                continue
        return number

    for query in queries:
        node = hive.root()
        for part in query["path"].split("\\"):
            node = hive.node_get_child(node, part)
            if node is None:
                break
        if node is None:
            continue
        found += values(node, query["values"])
        if query["pattern"]:
            for child in hive.node_children(node):
                if fnmatch.fnmatch(hive.node_name(child).lower(), query["pattern"].lower()):
                    found += values(child, query["child_values"])
    return found


def main(library: str, plan: str) -> None:
    """Do the reads of a plan and print how many values were found."""
    with open(plan, encoding="utf-8") as file:  # noqa: PTH123 - pathlib would count against the peer
        hives = json.load(file)
    read = {"python-registry": with_python_registry, "hivex": with_hivex}[library]
    print(sum(read(path, queries) for path, queries in hives.items()))


if __name__ == "__main__":
    main(*sys.argv[1:])
