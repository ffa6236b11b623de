# SPDX-License-Identifier: Apache-2.0
"""What the tools of the Ansible community say of the collection: ansible-lint, antsibull-changelog, antsibull-docs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_fleet.fixtures import succeed
from ansible_fleet.installation import Ansible

#: Labels of other documentation, which is not here: Ansible's own, and that of other collections.
ELSEWHERE = re.compile(
    r"undefined label: '(ansible_configuration_settings|(action|callback)_plugins|common_return_values|"
    r"ansible_collections\.(?!pending_reboot\.)[\w.]+)' \[ref\.ref\]$"
)


@pytest.fixture(scope="session")
def settings(tools: Ansible, ansible_home: Path, checked_out: Path, windows_collection: Path) -> dict[str, str]:
    """The environment in which the tools find this collection and ansible.windows."""
    return tools.settings(ansible_home, checked_out.parents[2], windows_collection)


def test_lint(tools: Ansible, checked_out: Path, settings: dict[str, str]) -> None:
    command = [tools.program("ansible-lint"), "--offline", "--profile", "production", "--nocolor"]
    succeed(command, checked_out, settings)


def test_changelog(tools: Ansible, checked_out: Path, settings: dict[str, str]) -> None:
    succeed([tools.program("antsibull-changelog"), "lint"], checked_out, settings)


def test_documentation(tools: Ansible, checked_out: Path, settings: dict[str, str]) -> None:
    options = ["--plugin-docs", "--validate-collection-refs=all", "--skip-rstcheck"]
    succeed([tools.program("antsibull-docs"), "lint-collection-docs", *options, "."], checked_out, settings)


def test_pages(tools: Ansible, tmp_path: Path, settings: dict[str, str]) -> None:
    docs, name = tools.program("antsibull-docs"), "pending_reboot.windows"
    succeed([docs, "sphinx-init", "--use-current", "--dest-dir", tmp_path, name], tmp_path, settings)
    with (tmp_path / "conf.py").open("a", encoding="utf-8") as configuration:
        # Nothing is fetched, and no theme is installed.
        configuration.write("\nintersphinx_mapping = {}\nhtml_theme = 'basic'\n")
    pages = tmp_path / "rst"
    pages.chmod(0o755)  # antsibull-docs wants it to be nobody else's
    options = ["--config-file", "antsibull-docs.cfg", "collection", "--use-current", "--dest-dir", pages]
    succeed([docs, *options, name], tmp_path, settings)
    build = ["-M", "html", pages, "build", "-c", ".", "-w", "warnings.txt"]
    succeed([tools.program("sphinx-build"), *build], tmp_path, settings)
    told = (tmp_path / "warnings.txt").read_text(encoding="utf-8").splitlines()
    assert [line for line in told if not ELSEWHERE.search(line)] == []
    assert list((tmp_path / "build/html/collections/pending_reboot/windows").glob("*_module.html"))
