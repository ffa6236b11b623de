# SPDX-License-Identifier: Apache-2.0
"""Whether a Windows machine waits for a reboot, why, since when, and how sure that is.

`offline_facts` reads a disk, `facts_from` any reader, `decide` turns facts into a decision. Each result has
`to_dict()`.
"""

from __future__ import annotations

from ._version import VERSION
from .errors import HiveError, InputError, PendingRebootError
from .facts import facts_from
from .gate import Decision, decide
from .model import Facts
from .offline import offline_facts
from .policy import Policy

__version__ = VERSION

__all__ = [
    "Decision",
    "Facts",
    "HiveError",
    "InputError",
    "PendingRebootError",
    "Policy",
    "__version__",
    "decide",
    "facts_from",
    "offline_facts",
]
