# SPDX-License-Identifier: Apache-2.0
"""Every test here runs on real Salt."""

from __future__ import annotations

import pytest

from salt_fleet.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here
from salt_fleet.installation import VERSIONS
from salt_fleet.web import folder, web_fleet  # noqa: F401


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out those on older versions that are marked to need the newest one alone."""
    items[:] = [
        item
        for item in items
        if not (item.get_closest_marker("newest_salt") and any(version in item.name for version in VERSIONS[1:]))
    ]
