# SPDX-License-Identifier: Apache-2.0
"""Facts of a machine that is switched off."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from .errors import InputError
from .facts import facts_from
from .model import Facts
from .registry import Reader

if TYPE_CHECKING:
    from .patch import Patch
    from .patch_state import PatchState


def offline_facts(
    image: str | None = None,
    *,
    system: str | None = None,
    software: str | None = None,
    components: str | None = None,
    exports: Sequence[str] = (),
    running: bool = False,
    live_export: bool = False,
    sources: Sequence[str] = (),
    skip: Sequence[str] = (),
    ignore: Sequence[str] = (),
    strict: bool = False,
    now: datetime | None = None,
) -> Facts:
    """Return the facts of a machine from its files. Give one of `image`, hives, or `exports`.

    Args:
        image: a mounted Windows: the root of its volume, its Windows directory or its config directory.
        system: path of the SYSTEM hive; the transaction logs beside a hive are applied.
        software: path of the SOFTWARE hive.
        components: path of the COMPONENTS hive.
        exports: paths of .reg exports, together one machine.
        running: the hives were copied from a running machine.
        live_export: the exports were made on the running machine.
        sources: as for `facts_from`.
        skip: as for `facts_from`.
        ignore: as for `facts_from`.
        strict: as for `facts_from`.
        now: as for `facts_from`.

    Raises:
        InputError: no input or more than one kind of it, a file that cannot be read, or an unknown source.
        HiveError: a hive is damaged beyond reading, or is none.
    """
    reader = _reader(image, system, software, components, exports, running, live_export)
    return facts_from(reader, sources=sources, skip=skip, ignore=ignore, strict=strict, now=now)


def offline_patch_states(
    patches: Sequence[Patch],
    image: str | None = None,
    *,
    system: str | None = None,
    software: str | None = None,
    components: str | None = None,
    root: str | None = None,
    running: bool = False,
) -> list[PatchState]:
    """Return the state of each patch on a machine that is switched off. Give `image`, or hives.

    Args:
        patches: what to look for (`patches_from`).
        image: as for `offline_facts`.
        system: as for `offline_facts`.
        software: as for `offline_facts`.
        components: as for `offline_facts`.
        root: the root of the volume that files are looked up on, for hives that do not lie on it.
        running: as for `offline_facts`.

    Raises:
        InputError: as for `offline_facts`.
        HiveError: as for `offline_facts`.
    """
    from .patch_state import patch_states
    from .readers.offline import HiveReader, hive_files, image_files

    if (image is not None) + any((system, software, components)) != 1:
        raise InputError("give a mounted Windows, or hives")
    files = (
        image_files(image) if image else hive_files(system=system, software=software, components=components, root=root)
    )
    return patch_states(HiveReader(files, running=running), patches)


def _reader(
    image: str | None,
    system: str | None,
    software: str | None,
    components: str | None,
    exports: Sequence[str],
    running: bool,
    live_export: bool,
) -> Reader:
    hives = any((system, software, components))
    if (image is not None) + hives + bool(exports) != 1:
        raise InputError("give a mounted Windows, or hives, or .reg exports")
    if exports:
        from .readers.reg_export import load_exports

        return load_exports(exports, live=live_export)
    from .readers.offline import HiveReader, hive_files, image_files

    files = image_files(image) if image else hive_files(system=system, software=software, components=components)
    return HiveReader(files, running=running)
