# SPDX-License-Identifier: Apache-2.0
"""The molecule scenarios of the roles, as molecule runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_fleet.fixtures import succeed
from ansible_fleet.installation import Ansible
from ansible_fleet.playbook import ROOT

SCENARIOS = sorted(path.parent.name for path in (ROOT / "extensions/molecule").glob("*/molecule.yml"))


def test_both_roles_that_change_hosts_have_one() -> None:
    assert SCENARIOS == ["manual_patch", "reboot_gate"]


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_scenario(scenario: str, tools: Ansible, installed_collection: Path, ansible_home: Path) -> None:
    environment = {**tools.settings(ansible_home, installed_collection), "MOLECULE_GLOB": "molecule/*/molecule.yml"}
    succeed([tools.program("molecule"), "test", "--scenario-name", scenario], ROOT / "extensions", environment)
