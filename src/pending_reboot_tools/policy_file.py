# SPDX-License-Identifier: Apache-2.0
"""The gate's policy, from a file that a person wrote."""

from __future__ import annotations

from collections.abc import Mapping

from pending_reboot import InputError, Policy
from pending_reboot.duration import parse_duration
from pending_reboot_schedule import recurrence

from .commands.common import read_yaml


def policy_from(data: Mapping[str, object]) -> Policy:
    """Return the policy that plain data describes, recurring windows as well.

    Raises:
        InputError: an unknown field, or a value that cannot be used.
    """
    return Policy.from_dict(data, recurrence=recurrence(InputError, parse_duration))


def policy_data(path: str) -> dict[str, object]:
    """Return the data of a policy file (YAML or JSON).

    Raises:
        InputError: it cannot be read, or is no mapping.
    """
    data = read_yaml(path, "policy")
    if data is None:
        return {}
    if not isinstance(data, dict):
        raise InputError("is no policy: it must be a mapping", where=path)
    return data
