# SPDX-License-Identifier: Apache-2.0
"""Every test here runs on the Windows lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from windows_lab.fixtures import *  # noqa: F403 - pytest finds fixtures by their names here


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark them."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.lab)
