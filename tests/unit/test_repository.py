# SPDX-License-Identifier: Apache-2.0
"""What must hold for the whole repository: one core, its links, licences, sizes, imports, nothing of one machine."""

from __future__ import annotations

import ast
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import tomllib
import yaml

import salt_links

ROOT = Path(__file__).resolve().parents[2]
CORE = ROOT / "plugins/plugin_utils/pending_reboot"
TOOLS = ROOT / "src/pending_reboot_tools"
#: What the Salt files share, and the folders of Salt's loaders.
SALT = ROOT / "salt/_utils/pending_reboot_salt"
SALT_LOADERS = [folder for folder in sorted((ROOT / "salt").glob("_*")) if folder.name != "_utils"]

#: Made by tools, never committed (.gitignore).
GENERATED = re.compile(r"\.git|\.venv.*|\.cache|\.ansible|\..*_cache|\.hypothesis|__pycache__|.*\.egg-info")
GENERATED_ON_TOP = {"build", "collections", "dist", "tests/output"}

#: The licence of the source files below a folder; the first that fits counts.
LICENCES = (
    ("plugins/plugin_utils/_ansible/", "GPL-3.0-or-later"),
    ("plugins/plugin_utils/", "Apache-2.0"),
    ("plugins/", "GPL-3.0-or-later"),
    ("salt/", "Apache-2.0"),
    ("scripts/", "Apache-2.0"),
    ("src/", "Apache-2.0"),
)
#: pywin32, imported only inside functions and only here.
OPTIONAL_IMPORTS = {"readers/wua.py": {"pythoncom", "pywintypes", "win32com"}}


def repository_files() -> Iterator[Path]:
    """Yield every file that is or could be committed; links are left out, their targets are in."""
    for folder, subfolders, names in os.walk(ROOT):
        inside = Path(folder).relative_to(ROOT)
        subfolders[:] = [
            name
            for name in sorted(subfolders)
            if not GENERATED.fullmatch(name) and (inside / name).as_posix() not in GENERATED_ON_TOP
        ]
        for name in sorted(names):
            # In a worktree `.git` is a file.
            if not (ROOT / inside / name).is_symlink() and name != ".git":
                yield inside / name


FILES = list(repository_files())
SOURCES = [path for path in FILES if path.suffix in (".py", ".ps1")]
CORE_FILES = sorted(CORE.rglob("*.py"))


def named(paths: list[Path], below: Path | None = None) -> list[object]:
    return [pytest.param(path, id=(path.relative_to(below) if below else path).as_posix()) for path in paths]


def test_every_core_file_has_its_link_for_salt() -> None:
    assert salt_links.wanted(ROOT), "no core files found: this test looks at the wrong place"
    assert salt_links.differences(ROOT) == []


def test_links_for_salt_are_relative_and_lead_to_the_core() -> None:
    links = [path for path in (ROOT / salt_links.LINKS).rglob("*.py") if path.is_symlink()]
    assert links
    assert [link for link in links if link.readlink().is_absolute()] == []
    assert {link.resolve() for link in links} == set(CORE_FILES)


def test_package_list_is_complete() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"]
    homes = {
        "pending_reboot": CORE,
        "pending_reboot_tools": TOOLS,
        "pending_reboot_salt": SALT,
        "pending_reboot_wire": CORE.parent / "pending_reboot_wire",
    }
    homes |= {f"pending_reboot_salt.{folder.name[1:]}": folder for folder in SALT_LOADERS}
    found = {
        ".".join((name, *file.parent.relative_to(home).parts))
        for name, home in homes.items()
        for file in home.rglob("*.py")
    }
    assert sorted(settings["packages"]) == sorted(found)
    assert settings["py-modules"] == sorted(file.stem for file in CORE.parent.glob("*.py"))
    assert {name: ROOT / folder for name, folder in settings["package-dir"].items()} == {"": CORE.parent, **homes}


def test_every_package_has_an_init_file() -> None:
    folders = {file.parent for home in (CORE, TOOLS) for file in home.rglob("*.py")}
    assert [folder for folder in folders if not (folder / "__init__.py").is_file()] == []


def test_one_version() -> None:
    from pending_reboot._version import VERSION

    assert yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"] == VERSION


@pytest.mark.parametrize("path", named([p for p in SOURCES if p.as_posix().startswith(tuple(f for f, _ in LICENCES))]))
def test_source_file_names_its_licence(path: Path) -> None:
    licence = next(licence for folder, licence in LICENCES if path.as_posix().startswith(folder))
    head = (ROOT / path).read_text(encoding="utf-8").splitlines()[:4]
    assert f"# SPDX-License-Identifier: {licence}" in head, f"the first lines must name {licence}"


def test_every_licence_text_is_there() -> None:
    assert {path.stem for path in (ROOT / "LICENSES").iterdir()} == {licence for _, licence in LICENCES}
    assert (ROOT / "LICENSE").read_bytes() == (ROOT / "LICENSES/Apache-2.0.txt").read_bytes()


@pytest.mark.parametrize("path", named(SOURCES))
def test_file_size(path: Path) -> None:
    limit = 500 if path.parts[0] == "tests" else 400
    lines = len((ROOT / path).read_text(encoding="utf-8").splitlines())
    assert lines <= limit, f"{lines} lines, at most {limit}: split it by what its parts are about"


def imports(tree: ast.AST, *, lazy: bool = False) -> Iterator[tuple[str, int, bool]]:
    """Yield each import: the module's name, how many dots lead it, whether it happens inside a function."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, 0, lazy) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or "", node.level, lazy
        yield from imports(node, lazy=lazy or isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)))


def foreign_imports(tree: ast.AST, path: Path) -> list[str]:
    """Return what the core file `path` (below the core) imports from outside of the core and the standard library."""
    optional = OPTIONAL_IMPORTS.get(path.as_posix(), set())
    return [
        "." * level + name
        for name, level, lazy in imports(tree)
        if (level > len(path.parts) if level else name.split(".")[0] not in sys.stdlib_module_names)
        and not (lazy and name.split(".")[0] in optional)
    ]


@pytest.mark.parametrize("path", named(CORE_FILES, CORE))
def test_core_imports_only_itself_and_the_standard_library(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    assert foreign_imports(tree, path.relative_to(CORE)) == []


@pytest.mark.parametrize(
    ("path", "text", "foreign"),
    [
        ("a.py", "import yaml", ["yaml"]),
        ("a.py", "def f():\n    from yaml import load", ["yaml"]),
        ("a.py", "import pending_reboot.model", ["pending_reboot.model"]),
        ("a.py", "from .. import secrets", [".."]),
        ("a.py", "import os.path, json\nfrom . import model\nfrom .model import State", []),
        ("sources/a.py", "from ..model import State", []),
        ("sources/a.py", "from ...quote import q", ["...quote"]),
        ("readers/wua.py", "import pythoncom", ["pythoncom"]),
        ("readers/wua.py", "def f():\n    import win32com.client", []),
        ("readers/hive.py", "def f():\n    import win32com.client", ["win32com.client"]),
    ],
)
def test_foreign_imports_are_seen(path: str, text: str, foreign: list[str]) -> None:
    assert foreign_imports(ast.parse(text), Path(path)) == foreign


#: A file below a folder that names one person's or one machine's place.
LOCAL_PATH = re.compile(r"(?<![\w.$}*)-])/(?:home|root|tmp|work|Users)/[\w.-]+")


@pytest.mark.parametrize("path", named(FILES))
def test_no_path_of_one_machine(path: Path) -> None:
    content = (ROOT / path).read_bytes()
    found = [match[0] for text in decodings(content) for match in LOCAL_PATH.finditer(text)]
    assert found == [], "these exist on one machine only"


def decodings(content: bytes) -> Iterator[str]:
    """Yield what the bytes read as: as UTF-8 with what is no text left out, and as UTF-16 when they look like it."""
    yield content.decode("utf-8", "ignore")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        yield content.decode("utf-16", "ignore")


@pytest.mark.parametrize(
    ("text", "found"),
    [("see " + "/home" + "/jane/x", True), ('"' + "/tmp" + '/y"', True), ("https://example.org/tmp/x", False)],
)
def test_paths_of_one_machine_are_seen(text: str, found: bool) -> None:
    assert bool(LOCAL_PATH.search(text)) is found
