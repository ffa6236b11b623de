# SPDX-License-Identifier: Apache-2.0
"""The lab as pytest fixtures: one boot for the tests of a module.

A conftest.py makes them known by importing them:
    from windows_lab.fixtures import *
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import TypeVar

import pytest

from . import build, salt_layer
from .build import Build
from .errors import LabUnavailableError
from .machine import Lab
from .salt_layer import SaltLayer

__all__ = ["lab", "lab_build", "salt_lab", "salt_packages"]

Built = TypeVar("Built")


def _built(ensure: Callable[[], Built]) -> Built:
    """Return what `ensure` builds; without it the tests are skipped, but the gate's run fails."""
    try:
        return ensure()
    except LabUnavailableError as error:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the Windows lab must work under CI=true: {error}", pytrace=False)
        pytest.skip(f"no Windows lab: {error}")


@pytest.fixture(scope="session")
def lab_build() -> Build:
    """The lab, built."""
    return _built(build.ensure)


@pytest.fixture(scope="session")
def salt_packages() -> SaltLayer:
    """Stock Salt for the lab, built."""
    return _built(salt_layer.ensure)


@pytest.fixture(scope="module")
def lab(lab_build: Build) -> Iterator[Lab]:
    """A fresh Windows machine, running; the tests of a module share it."""
    with Lab.start(lab_build) as started:
        yield started


@pytest.fixture(scope="module")
def salt_lab(lab_build: Build, salt_packages: SaltLayer) -> Iterator[Lab]:
    """A fresh Windows machine whose Python has stock Salt."""
    with Lab.start(lab_build, code_paths=salt_packages.code_paths) as started:
        yield started
