# SPDX-License-Identifier: Apache-2.0
"""Every test here runs on real Salt."""

from __future__ import annotations

import pytest

from salt_fleet.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here
from salt_fleet.installation import VERSIONS
from salt_fleet.web import folder, web_fleet  # noqa: F401


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out those on older versions that need the newest one alone, and begin with what takes longest.

    Files are shared between processes in this order, so that nobody waits for the last one in the end.
    """
    items[:] = [
        item
        for item in items
        if not (item.get_closest_marker("newest_salt") and any(version in item.name for version in VERSIONS[1:]))
    ]
    items.sort(key=lambda item: item.path.name != "test_waves.py")
