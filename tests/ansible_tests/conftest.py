# SPDX-License-Identifier: Apache-2.0
"""What the tests on real Ansible have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ansible_fleet.fixtures import *  # noqa: F403 - fixtures are known by being imported
from ansible_fleet.installation import Ansible
from ansible_fleet.playbook import Run, inventory, quick_limits, run, settings

#: Runs a playbook, its text or its name in the collection, on hosts. Words are more of the command line, `shared` are
#: variables of the inventory, `surroundings` of the environment, and the rest are extra variables.
Play = Callable[..., Run]


@pytest.fixture
def play_with(tmp_path: Path, installed_collection: Path, ansible_home: Path) -> Callable[[Ansible], Play]:
    """Make what runs playbooks with one Ansible."""

    def with_ansible(ansible: Ansible) -> Play:
        def play(
            playbook: str,
            hosts: dict[str, dict[str, Any]],
            *words: str,
            shared: dict[str, Any] | None = None,
            surroundings: dict[str, str] | None = None,
            **more: Any,
        ) -> Run:
            if "\n" in playbook:
                path = tmp_path / "playbook.yml"
                path.write_text(playbook)
                playbook = str(path)
            environment = {
                **ansible.settings(ansible_home, installed_collection),
                **settings(tmp_path, installed_collection),
                **(surroundings or {}),
            }
            return run(
                ansible.program("ansible-playbook"),
                playbook,
                inventory(tmp_path, hosts, **(shared or {})),
                tmp_path,
                environment,
                *words,
                variables={**quick_limits(tmp_path), **more},
            )

        return play

    return with_ansible


@pytest.fixture
def play(play_with: Callable[[Ansible], Play], newest_ansible: Ansible) -> Play:
    """Run playbooks with the newest Ansible."""
    return play_with(newest_ansible)


@pytest.fixture
def play_at_both_ends(play_with: Callable[[Ansible], Play], newest_or_oldest_ansible: Ansible) -> Play:
    """Run playbooks with the newest and the oldest Ansible in turn."""
    return play_with(newest_or_oldest_ansible)


@pytest.fixture
def play_everywhere(play_with: Callable[[Ansible], Play], any_ansible: Ansible) -> Play:
    """Run playbooks with each version of Ansible in turn."""
    return play_with(any_ansible)
