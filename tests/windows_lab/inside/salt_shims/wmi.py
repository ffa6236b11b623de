# SPDX-License-Identifier: Apache-2.0
"""Stands in for the package `wmi`, whose scripting calls Wine lacks: Salt asks it for grains.

Every query finds one object, which has every property.
"""

from __future__ import annotations

from collections.abc import Callable

_PROPERTIES: dict[str, object] = {
    "BuildNumber": "18362",
    "Caption": "Microsoft Windows 10 Pro",
    "CSDVersion": "",
    "HypervisorPresent": False,
    "PartOfDomain": False,
    "ProductType": 1,
    "Version": "10.0.18362",
}


class x_wmi(Exception):  # noqa: N801, N818 - its name in `wmi`
    """What `wmi` raises."""


class _Found:
    def __getattr__(self, name: str) -> object:
        return _PROPERTIES.get(name, "lab")


class WMI:
    """A connection."""

    def __init__(self, *_arguments: object, **_options: object) -> None:
        pass

    def __getattr__(self, name: str) -> Callable[..., list[_Found]]:
        return self.query

    def query(self, *_arguments: object, **_options: object) -> list[_Found]:
        """Return one object, whatever is asked for."""
        return [_Found()]
