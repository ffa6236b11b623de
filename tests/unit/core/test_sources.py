# SPDX-License-Identifier: Apache-2.0
"""Every source against its cases, and the rules that every source obeys."""

from __future__ import annotations

import inspect
import json
import sys
from typing import Any

import pytest

from pending_reboot import InputError, facts_from
from pending_reboot.readers.memory import DENIED, MemoryRegistry
from pending_reboot.registry import Key, KeyQuery, Unreadable
from pending_reboot.source import Observations, Source
from pending_reboot.sources import all_sources, select
from pending_reboot.sources.component_based_servicing import NOTED
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER
from support.cases import FAILED, UNSUPPORTED, all_cases, cases, registry

SOURCES = {source.id: source for source in all_sources()}


@pytest.mark.parametrize(
    ("source_id", "case"), [pytest.param(*each, id=f"{each[0]}: {each[1]['name']}") for each in all_cases()]
)
def test_case(source_id: str, case: dict[str, Any]) -> None:
    facts = facts_from(registry(case), sources=[source_id])
    result = facts.sources[source_id].to_dict()
    expected = dict(case["expect"])
    if "updates" in expected:
        assert [update.update_id for update in facts.updates] == expected.pop("updates")
    evidence = expected.pop("evidence", {})
    assert {name: result["evidence"][name] for name in evidence} == evidence  # type: ignore[index]
    assert {name: result[name] for name in expected} == expected


def test_there_are_the_sources_of_the_design() -> None:
    assert list(SOURCES) == [
        "windows_update",
        "pending_file_rename",
        "update_exe_volatile",
        "windows_update_agent",
        "component_based_servicing",
        "pending_computer_rename",
        "domain_join",
        "server_manager",
        "dvd_reboot_signal",
        "post_reboot_reporting",
        "windows_update_ux",
        "intune",
        "configuration_manager",
        "desired_state_configuration",
        "install_witness",
    ]


def test_unknown_source_is_named() -> None:
    with pytest.raises(InputError, match=r"there is no source 'wua' .known: windows_update, "):
        select(("wua",))


def test_asking_nothing_is_refused() -> None:
    with pytest.raises(InputError, match=r"^every source is left out, so nothing would be known$"):
        facts_from(MemoryRegistry(), sources=["intune"], skip=["intune"])


def test_wanted_and_skipped() -> None:
    assert [source.id for source in select(("intune", "domain_join"), ("intune",))] == ["domain_join"]


@pytest.mark.parametrize("source", all_sources(), ids=lambda source: source.id)
class TestConformity:
    def test_documented(self, source: Source) -> None:
        text = inspect.getdoc(sys.modules[source.module]) or ""
        assert source.module.endswith(f".{source.id}")
        assert "References:\n" in text
        assert "https://" in text.partition("References:")[2]
        assert inspect.getdoc(source.evaluate)
        assert source.title
        assert source.queries or source.probes

    def test_has_cases_for_what_matters(self, source: Source) -> None:
        states = {case["expect"]["state"] for case in cases(source.id)}
        assert {"pending", "clear"} <= states
        if any(query.volatile for query in source.queries) or source.probes:
            assert "not_applicable" in states

    def test_absent_is_clear_or_not_applicable(self, source: Source) -> None:
        probes = {name: registry({"probes": {name: "absent"}}).probe(name) for name in source.probes}
        reader = MemoryRegistry(probes=probes)
        reader.key(SESSION_MANAGER.path)  # every Windows has it
        facts = facts_from(reader, sources=[source.id])
        assert facts.sources[source.id].state in ("clear", "not_applicable")
        assert facts.complete
        assert not facts.reboot_required

    @pytest.mark.parametrize("error", [DENIED, FAILED], ids=["denied", "failed"])
    def test_any_unreadable_key_is_unknown(self, source: Source, error: Unreadable) -> None:
        for query in required(source):
            reader = MemoryRegistry(probes=dict.fromkeys(source.probes, UNSUPPORTED))
            reader.fail(query.path, error, view=query.view)
            reader.capabilities = offline_when(query)
            result = facts_from(reader, sources=[source.id]).sources[source.id]
            assert result.state == "unknown", query
            assert result.error is not None
            assert result.error.kind == error.kind
            assert result.error.code == error.code
            assert query.real_path in result.error.message
            assert query.real_path in result.description

    @pytest.mark.parametrize("error", [DENIED, FAILED], ids=["denied", "failed"])
    def test_any_unreadable_value_is_unknown(self, source: Source, error: Unreadable) -> None:
        for query in required(source):
            for name in query.values:
                reader = MemoryRegistry(probes=dict.fromkeys(source.probes, UNSUPPORTED))
                reader.key(SESSION_MANAGER.path)
                reader.key(query.path, {"any" if name == "*" else name: error}, view=query.view)
                reader.capabilities = offline_when(query)
                result = facts_from(reader, sources=[source.id]).sources[source.id]
                if source.id == "windows_update":
                    assert result.state == "pending"  # its key exists, whatever stands in it
                    continue
                assert (result.state, result.error and result.error.kind) == ("unknown", error.kind), (query, name)

    def test_any_value_of_the_wrong_type_is_no_clear(self, source: Source) -> None:
        for query in required(source):
            for name in query.values:
                if name == "*" or (source.id, name) in EXISTENCE:
                    continue
                wrong = {"raw": [3, "010203"]}
                reader = registry({"keys": {query.real_path: {name: wrong}}})
                reader.capabilities = offline_when(query)
                result = facts_from(reader, sources=[source.id]).sources[source.id]
                assert result.state in ("unknown", "pending"), (query, name)

    def test_answers_plain_json(self, source: Source) -> None:
        for case in cases(source.id):
            assert_plain(facts_from(registry(case), sources=[source.id]).to_dict())

    def test_is_pure(self, source: Source) -> None:
        seen = Observations(MemoryRegistry().capabilities, {query: Key() for query in source.queries}, {})
        assert source.evaluate(seen) == source.evaluate(seen)


#: Values whose existence is the answer, whatever they hold.
EXISTENCE = {
    ("dvd_reboot_signal", "DVDRebootSignal"),
    ("domain_join", "JoinDomain"),
    ("domain_join", "AvoidSpnSet"),
    ("pending_file_rename", "SystemRoot"),
    ("component_based_servicing", "PendingXmlIdentifier"),
    ("component_based_servicing", "NextQueueEntryIndex"),
    ("component_based_servicing", "AdvancedInstallersNeedResolving"),
    *(("component_based_servicing", name) for name in NOTED),
}


def required(source: Source) -> list[KeyQuery]:
    """The keys that a source must have seen; SystemRoot only sharpens the picture."""
    return [query for query in source.queries if query.values != ("SystemRoot",)]


def offline_when(query: KeyQuery) -> Any:
    """Some keys are read from files only."""
    return registry({"machine": "live" if query.only == "always" else "shut down"}).capabilities


def assert_plain(value: object) -> None:
    """Only the exact types of JSON may leave the core: subclasses break Ansible and Salt."""
    assert type(value) in (dict, list, str, int, float, bool, type(None)), type(value)
    if isinstance(value, dict):
        assert all(type(name) is str for name in value)
        for each in value.values():
            assert_plain(each)
    if isinstance(value, list):
        for each in value:
            assert_plain(each)
    json.dumps(value)
