# SPDX-License-Identifier: Apache-2.0
"""What the Salt files of pending-reboot share: which core they use, and which machine they ask.

Salt keeps imported packages in memory when `saltutil.sync_all` replaces their files. So each Salt file that uses the
core asks `core()` for it while it is loaded: the core is imported under a name of its own for each state of its files,
and what was loaded before goes on with the core it was loaded with.

References:
    https://github.com/saltstack/salt/issues/15233 (packages in _utils are not renewed)
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.machinery
import importlib.util
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

_CORE = "pending_reboot"
#: Beside the core, because it needs a third-party library; loaded when a policy is read.
_SCHEDULE = "pending_reboot_schedule"


def core() -> ModuleType:
    """Return the core as its files are now. To be called while a Salt file is loaded: only then Salt has its path set.

    Raises:
        ImportError: it is not there.
    """
    importlib.invalidate_caches()
    spec = importlib.machinery.PathFinder.find_spec(_CORE)
    if spec is None or not spec.submodule_search_locations:
        raise ImportError(f"the package {_CORE} is not there: run saltutil.sync_all, or install it with pip")
    folder = Path(next(iter(spec.submodule_search_locations)))
    return _load(f"{_CORE}_{_state_of(folder)}", folder / "__init__.py", [str(folder)])


def _load(name: str, file: Path, folders: list[str] | None) -> ModuleType:
    """Return the module in `file` under `name`, imported when it is not yet; `folders` are a package's."""
    loaded = sys.modules.get(name)
    if loaded is not None:
        return loaded
    spec = importlib.util.spec_from_file_location(name, file, submodule_search_locations=folders)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be imported")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except BaseException:  # whatever stopped it: a half imported module must not be found later
        del sys.modules[name]
        raise
    return module


def _state_of(folder: Path) -> str:
    """Return what changes when any file of the core does."""
    files = [*sorted(folder.rglob("*.py")), *folder.parent.glob(f"{_SCHEDULE}.py")]
    stamps = [(str(file), (stat := file.stat()).st_mtime_ns, stat.st_size) for file in files]
    return hashlib.sha256(repr(stamps).encode()).hexdigest()[:16]


#: What `pending_reboot` may be set to.
_SETTINGS = frozenset({"fixture", "history", "policy"})


def settings(package: ModuleType, opts: Mapping[str, Any], pillar: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return what `pending_reboot` is set to in the minion's configuration, and in its pillar, which wins.

    The fields of `policy` are put together one by one.

    Raises:
        PendingRebootError: a setting that is none. A policy that is not understood must not be taken for no policy.
    """
    found: dict[str, Any] = {}
    policy: dict[str, Any] = {}
    for layer, where in ((opts, "configuration"), (pillar or {}, "pillar")):
        given = layer.get("pending_reboot")
        if given is None:
            continue
        if not isinstance(given, Mapping):
            raise package.InputError(f"{given!r} is no mapping", where=f"{where}: pending_reboot")
        unknown = sorted(set(map(str, given)) - _SETTINGS)
        if unknown:
            known = ", ".join(sorted(_SETTINGS))
            raise package.InputError(
                f"unknown setting {unknown[0]!r}", where=f"{where}: pending_reboot", hint=f"known: {known}"
            )
        policy.update(_fields(package, given.get("policy"), f"{where}: pending_reboot:policy"))
        found.update(given)
    return {**found, "policy": policy, "fixture": _fixture_path(opts)}


def _fields(package: ModuleType, policy: object, where: str) -> Mapping[str, Any]:
    if policy is not None and not isinstance(policy, Mapping):
        raise package.InputError(f"{policy!r} is no mapping", where=where)
    return policy or {}


def rules(package: ModuleType, *layers: object) -> Any:
    """Return the gate's policy that these mappings of its fields make, the later ones winning.

    Raises:
        PendingRebootError: one is no mapping, or a field cannot be used.
    """
    fields: dict[str, Any] = {}
    for layer in layers:
        fields.update(_fields(package, layer, "policy"))
    schedule = _load(f"{package.__name__}_schedule", Path(package.__path__[0]).parent / f"{_SCHEDULE}.py", None)
    recurrence = schedule.recurrence(package.InputError, part(package, "duration").parse_duration)
    return package.Policy.from_dict(fields, recurrence=recurrence)


#: Seconds.
_LONGEST_DELAY = 86400


def check_delay(package: ModuleType, delay: object) -> None:
    """Refuse what is no delay of a reboot.

    Raises:
        PendingRebootError: it is no number of seconds.
    """
    if isinstance(delay, bool) or not isinstance(delay, int) or not 0 <= delay <= _LONGEST_DELAY:
        raise package.InputError(f"{delay!r} is no number of seconds from 0 to {_LONGEST_DELAY}", where="delay")


def _fixture_path(opts: Mapping[str, Any]) -> str | None:
    given = opts.get("pending_reboot")
    path = given.get("fixture") if isinstance(given, Mapping) else None
    return str(path) if path else None


def virtual(opts: Mapping[str, Any], windows: bool) -> bool | tuple[bool, str]:
    """Return True when there is a Windows machine to ask here, else False and why, as `__virtual__` wants it."""
    if windows or _fixture_path(opts):
        return True
    return False, "this minion is no Windows, and plays none (the setting pending_reboot:fixture)"


def history(package: ModuleType, opts: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    """Return the history of this minion's decisions; it is not in the cache, because that is emptied.

    Raises:
        OSError: its folder cannot be made.
    """
    beside = f"{given['fixture']}.history.jsonl" if given.get("fixture") else None
    usual = Path(str(opts.get("root_dir") or os.sep), "var", "lib", "pending_reboot", "history.jsonl")
    path = Path(str(given.get("history") or beside or usual))
    path.parent.mkdir(parents=True, exist_ok=True)
    return package.History(str(path))


def fixture(package: ModuleType, given: Mapping[str, Any]) -> Any:
    """Return the machine that this minion plays, None when it is a Windows machine itself."""
    return package.Fixture(given["fixture"], _plain_data) if given.get("fixture") else None


def read(package: ModuleType, given: object) -> object:
    """Return the data in the YAML or JSON file that `given` is the path of; data itself comes back as it is.

    Raises:
        PendingRebootError: the file cannot be read.
    """
    if not isinstance(given, str):
        return given
    try:
        return _plain_data(Path(given).read_text("utf-8"))
    except OSError as error:
        raise package.InputError(f"cannot be read: {error.strerror}", where=given) from error
    except (ValueError, RecursionError) as error:
        raise package.InputError(f"is no YAML: {' '.join(str(error).split())}", where=given) from error


def _plain_data(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        import yaml  # Salt stands on it

        try:
            return yaml.safe_load(text)
        except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:  # its loader makes them of odd values
            raise ValueError(str(error)) from error


def told(package: ModuleType, found: Any) -> dict[str, Any]:
    """Return facts, a decision and so on as what Salt can send and print: UTF-8 has no halves of surrogate pairs."""
    plain: dict[str, Any] = part(package, "text").encodable(found.to_dict())
    return plain


def facts(package: ModuleType, given: Mapping[str, Any], *, timeout: float = 30, **options: Any) -> Any:
    """Return the facts of this minion's machine; `options` are those of `local_facts`, lists as people write them.

    Raises:
        PendingRebootError: an option that cannot be used, or a fixture that cannot be read.
    """
    options |= {name: names(package, options.get(name), name) for name in ("sources", "skip", "ignore")}
    played = fixture(package, given)
    return played.facts(**options) if played else package.local_facts(timeout=timeout, **options)


def names(package: ModuleType, value: object, where: str) -> tuple[str, ...]:
    """Return the names in a list, in comma-separated text, or in nothing.

    Raises:
        PendingRebootError: it is none of these.
    """
    found: tuple[str, ...] = part(package, "text").names(value, where)
    return found


def decide(package: ModuleType, given: Mapping[str, Any], policy: object, history: Any) -> Any:
    """Return the gate's decision about this minion's machine.

    Args:
        package: the core.
        given: the settings; `policy` among them is what holds where the caller says nothing.
        policy: fields of the policy from the caller.
        history: the decisions before.

    Raises:
        PendingRebootError: the policy or the history cannot be used.
    """
    wanted = rules(package, given.get("policy"), policy)
    found = facts(package, given, sources=wanted.sources, skip=wanted.skip_sources)
    before = part(package, "history").of_host(history.decisions(), found.host, alone=True)
    return package.decide(found, wanted, before)


def part(package: ModuleType, name: str) -> Any:
    """Return a module of the core."""
    return importlib.import_module(f".{name}", package.__name__)


def summary(package: ModuleType, opts: Mapping[str, Any]) -> dict[str, Any]:
    """Return the facts in short, from the registry alone. Never raises: what goes wrong is *unknown*."""
    try:
        found = facts(package, settings(package, opts), wua="none", sources=package.registry_sources())
        short: dict[str, Any] = package.summarize(found)
    except Exception as error:  # a grain that raises is left out, and its host is targeted by nobody
        short = {"state": "unknown", "reasons": [], "error": f"{type(error).__name__}: {error}"}
        short["version"] = package.__version__
    return short
