# SPDX-License-Identifier: Apache-2.0
"""The contract of the readers: the same registry gives the same facts everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pending_reboot import facts_from, offline_facts
from pending_reboot.registry import Capabilities
from pending_reboot.sources import all_sources
from support.contract import comparable, export, hive_paths, holdable, memory

#: What no hive and no export can answer.
PROGRAMS = tuple(source.id for source in all_sources() if not source.queries)

CASES = [pytest.param(case, id=f"{source_id}: {case['name']}") for source_id, case in holdable()]


def test_there_are_cases() -> None:
    assert len(CASES) > 40


@pytest.mark.parametrize("case", CASES)
def test_hives(case: dict[str, Any], tmp_path: Path) -> None:
    reader = memory(case)
    hives = hive_paths(reader, tmp_path)
    found = offline_facts(**hives, skip=PROGRAMS)
    gone = "volatile keys went with the shutdown; the next start is the reboot they asked for"
    reader.capabilities = Capabilities("lost", gone, live=False)
    reader.probes.clear()
    assert comparable(found) == comparable(facts_from(reader, skip=PROGRAMS))


@pytest.mark.parametrize("case", CASES)
def test_export(case: dict[str, Any], tmp_path: Path) -> None:
    reader = memory(case, last_writes=False)
    path = tmp_path / "export.reg"
    path.write_bytes(export(reader).encode("utf-16"))
    reader.capabilities = Capabilities()
    skip = (*PROGRAMS, "configuration_manager")
    assert comparable(offline_facts(exports=[str(path)], skip=skip)) == comparable(facts_from(reader, skip=skip))
