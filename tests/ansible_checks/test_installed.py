# SPDX-License-Identifier: Apache-2.0
"""The collection as users install it works in both versions of Ansible: it is documented, and every file imports."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from ansible_fleet.fixtures import succeed
from ansible_fleet.installation import Ansible
from support import checkout
from support.checkout import REPOSITORY

NAME = "pending_reboot.windows"
#: The folder of each type of plugin that has a documentation of its own; that of an action is its module's.
TYPES = {
    "module": "modules",
    "filter": "filter",
    "callback": "callback",
    "lookup": "lookup",
    "test": "test",
    "connection": "connection",
    "inventory": "inventory",
}
PLAYBOOKS = sorted(path.stem for path in (REPOSITORY / "playbooks").glob("*.y*ml"))

#: Imports each file of the collection by the name that Ansible gives it; prints what fails.
IMPORT = """
import importlib, pathlib, sys
from ansible.plugins.loader import init_plugin_loader

init_plugin_loader([sys.argv[1]])
home = pathlib.Path(sys.argv[1], "ansible_collections")
number = 0
for file in sorted(home.joinpath("pending_reboot/windows/plugins").rglob("*.py")):
    parts = file.relative_to(home.parent).with_suffix("").parts
    name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    number += 1
    try:
        importlib.import_module(name)
    except ImportError as error:
        # Four files are for Windows, and say so.
        if not str(error).startswith("only Windows has "):
            print(f"{name}: {error!r}")
    except Exception as error:
        print(f"{name}: {error!r}")
print(number, file=sys.stderr) if number else print("no files found")
"""


def names(folder: str) -> list[str]:
    """Return the full names of the plugins in a folder below plugins/."""
    found = {path.stem for path in (REPOSITORY / "plugins" / folder).glob("*") if path.suffix in (".py", ".yml")}
    return sorted(f"{NAME}.{name}" for name in found - {"__init__"})


def test_only_the_repository_is_built(newest_ansible: Ansible, ansible_home: Path, tmp_path: Path) -> None:
    """Built where tests ran, with all that they left behind."""
    command = [newest_ansible.program("ansible-galaxy"), "collection", "build", "--output-path", tmp_path]
    succeed(command, REPOSITORY, newest_ansible.settings(ansible_home))
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as built:
        found = {entry.name for entry in built if not entry.isdir()}
    assert found - {"MANIFEST.json", "FILES.json"} <= set(checkout.files())


def test_every_file_imports(any_ansible: Ansible, installed_collection: Path, ansible_home: Path) -> None:
    settings = any_ansible.settings(ansible_home, installed_collection)
    wrong = succeed([any_ansible.program("python"), "-c", IMPORT, installed_collection], ansible_home, settings)
    assert wrong == ""


@pytest.mark.parametrize(("kind", "folder"), [(kind, folder) for kind, folder in TYPES.items() if names(folder)])
def test_every_plugin_is_documented(
    any_ansible: Ansible, installed_collection: Path, ansible_home: Path, kind: str, folder: str
) -> None:
    settings = any_ansible.settings(ansible_home, installed_collection)
    command = [any_ansible.program("ansible-doc"), "-t", kind, "--json", *names(folder)]
    documents = json.loads(succeed(command, ansible_home, settings))
    assert sorted(documents) == names(folder)
    for name, document in documents.items():
        assert document["doc"]["short_description"], name
        if kind != "callback":  # nobody calls one
            assert document["examples"], name
            assert document["return"], name


def test_every_role_is_documented(any_ansible: Ansible, installed_collection: Path, ansible_home: Path) -> None:
    roles = sorted(f"{NAME}.{path.name}" for path in (REPOSITORY / "roles").glob("*/"))
    assert roles
    settings = any_ansible.settings(ansible_home, installed_collection)
    command = [any_ansible.program("ansible-doc"), "-t", "role", "--json", *roles]
    documents = json.loads(succeed(command, ansible_home, settings))
    assert sorted(documents) == roles
    assert [name for name, document in documents.items() if not document["entry_points"]["main"]] == []


@pytest.mark.parametrize("playbook", PLAYBOOKS)
def test_every_playbook_can_be_read(
    any_ansible: Ansible, installed_collection: Path, ansible_home: Path, playbook: str
) -> None:
    settings = any_ansible.settings(ansible_home, installed_collection)
    command = [any_ansible.program("ansible-playbook"), "--syntax-check", f"{NAME}.{playbook}"]
    succeed(command, ansible_home, settings)
