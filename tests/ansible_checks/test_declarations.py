# SPDX-License-Identifier: Apache-2.0
"""What the code declares is what the documentation says: options of PowerShell modules and of action plugins."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ansible_fleet.fixtures import succeed
from ansible_fleet.installation import Ansible
from support import powershell
from support.checkout import REPOSITORY

PLUGINS = REPOSITORY / "plugins"
SCRIPTS = sorted(PLUGINS.rglob("*.ps1"))
ACTIONS = sorted(path.stem for path in (PLUGINS / "action").glob("*.py"))

#: Options that an action plugin fills in for its PowerShell module, and that are not for users.
HIDDEN = {"win_reboot_flag": {"keys"}}

#: Prints what each action plugin declares.
ARGUMENTS = """
import importlib, json, sys
from ansible.plugins.loader import init_plugin_loader

init_plugin_loader([sys.argv[1]])
home = "ansible_collections.pending_reboot.windows.plugins.action."
print(json.dumps({name: importlib.import_module(home + name).ActionModule.ARGUMENTS for name in sys.argv[2:]}))
"""


def comparable(options: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return options, as a plugin declares them or as its documentation has them, in one form."""
    return {
        name: {
            "type": option.get("type", "str"),
            "elements": option.get("elements"),
            "choices": option.get("choices"),
            "default": option.get("default"),
            "required": option.get("required", False),
            "aliases": option.get("aliases") or [],
            "options": comparable(option.get("options") or option.get("suboptions")),
        }
        for name, option in (options or {}).items()
    }


@pytest.fixture(scope="session")
def documented(newest_ansible: Ansible, installed_collection: Path, ansible_home: Path) -> dict[str, Any]:
    """The options of each module as its documentation has them, with those of doc fragments."""
    names = sorted(path.stem for path in (PLUGINS / "modules").glob("*.py"))
    full = [f"pending_reboot.windows.{name}" for name in names]
    settings = newest_ansible.settings(ansible_home, installed_collection)
    command = [newest_ansible.program("ansible-doc"), "-t", "module", "--json", *full]
    found = json.loads(succeed(command, ansible_home, settings))
    return {name.rpartition(".")[2]: comparable(content["doc"].get("options")) for name, content in found.items()}


@pytest.fixture(scope="session")
def declared(newest_ansible: Ansible, installed_collection: Path, ansible_home: Path) -> dict[str, Any]:
    """The options that each action plugin declares."""
    settings = newest_ansible.settings(ansible_home, installed_collection)
    command = [newest_ansible.program("python"), "-c", ARGUMENTS, installed_collection, *ACTIONS]
    return {name: comparable(options) for name, options in json.loads(succeed(command, ansible_home, settings)).items()}


@pytest.mark.parametrize("action", ACTIONS)
def test_action_takes_what_is_documented(action: str, declared: dict[str, Any], documented: dict[str, Any]) -> None:
    assert declared[action] == documented[action]


@pytest.mark.parametrize(
    "script", [path for path in SCRIPTS if path.parent.name == "modules"], ids=lambda path: path.stem
)
def test_powershell_module_takes_what_is_documented(script: Path, documented: dict[str, Any]) -> None:
    options = comparable(powershell.module_spec(script.read_text(encoding="utf-8"))["options"])
    hidden = HIDDEN.get(script.stem, set())
    assert hidden <= options.keys()
    assert {name: option for name, option in options.items() if name not in hidden} == documented[script.stem]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_powershell_parses(script: Path) -> None:
    assert list(powershell.errors(powershell.parse(script.read_text(encoding="utf-8")))) == []
