# SPDX-License-Identifier: Apache-2.0
"""The scripts that keep links and generated pages up to date."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest

import salt_links
import source_docs

DOCSTRING = """Windows Update's ``RebootRequired`` key.

Its existence is the answer:

    - the names of its values
      are update ids
    - it is volatile

Traps: the 32-bit view.

References:
    https://example.org/a (why
        it counts)
    The manual, https://example.org/manual.
    Number 12; https://example.org/b(v=3)
    (the first to say
    so)
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A tree with a small core and right links."""
    for name in ("__init__.py", "sources/__init__.py", "sources/one.py"):
        file = tmp_path / salt_links.CORE / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    salt_links.repair(tmp_path)
    return tmp_path


def test_links_are_made_relative(checkout: Path) -> None:
    link = checkout / salt_links.LINKS / "sources/one.py"
    assert link.readlink().as_posix() == "../../../../plugins/plugin_utils/pending_reboot/sources/one.py"
    assert link.is_file()
    assert salt_links.main(["--check"], checkout) == 0


@pytest.mark.parametrize("damage", ["missing", "left over", "absolute", "a file", "empty folder"])
def test_wrong_links_are_listed_and_repaired(checkout: Path, damage: str, capsys: pytest.CaptureFixture[str]) -> None:
    link = checkout / salt_links.LINKS / "sources/one.py"
    core_file = link.resolve()
    if damage in ("left over", "empty folder"):
        core_file.unlink()
    else:
        link.unlink()
    if damage == "empty folder":
        (core_file.parent / "__init__.py").unlink()
    if damage == "absolute":
        link.symlink_to(core_file)
    if damage == "a file":
        link.write_text("a copy")

    assert salt_links.main(["--check"], checkout) == 1
    listed = capsys.readouterr().err
    assert "salt/_utils/pending_reboot/sources/one.py: " in listed
    assert "make links" in listed
    assert salt_links.main([], checkout) == 0
    assert salt_links.main(["--check"], checkout) == 0
    assert link.parent.exists() is (damage != "empty folder")


def test_docstring_becomes_markdown() -> None:
    assert source_docs.render_docstring(DOCSTRING) + "\n" == dedent(
        """\
        Windows Update's `RebootRequired` key.

        Its existence is the answer:

        - the names of its values are update ids
        - it is volatile

        Traps: the 32-bit view.

        ## References

        - <https://example.org/a> (why it counts)
        - The manual, <https://example.org/manual>.
        - Number 12; <https://example.org/b(v=3)> (the first to say so)
        """
    )
    assert source_docs.summary(DOCSTRING) == "Windows Update's `RebootRequired` key."


def test_prose_after_a_section_belongs_to_no_section() -> None:
    assert list(source_docs.sections("Top.\n\nTraps:\n    One.\n\nEnd.")) == [
        ("", ["Top."]),
        ("Traps", ["One."]),
        ("", ["End."]),
    ]


def test_page_names_keys_and_other_questions() -> None:
    sources = source_docs.load_sources()
    texts = source_docs.pages(sources)
    assert set(texts) == {"index.md", *(f"{source.id}.md" for source in sources)}
    page = texts["windows_update.md"]
    assert page.startswith("# Windows Update\n")
    assert r"WindowsUpdate\Auto Update\RebootRequired` | 64-bit | all values | yes | always |" in page
    assert "[windows_update](windows_update.md)" in texts["index.md"]


def test_stale_pages_are_found(tmp_path: Path) -> None:
    (tmp_path / "same.md").write_text("same")
    (tmp_path / "old.md").write_text("old")
    (tmp_path / "removed.md").write_text("of a source that is gone")
    texts = {"same.md": "same", "old.md": "new", "new.md": "new"}
    assert source_docs.stale(tmp_path, texts) == ["new.md", "old.md", "removed.md"]
