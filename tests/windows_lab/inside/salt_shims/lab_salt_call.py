# SPDX-License-Identifier: Apache-2.0
"""`salt-call` of the lab."""

from __future__ import annotations

import sys

import salt.utils.win_network
from salt.scripts import salt_call

if __name__ == "__main__":
    # Wine's network adapters lack properties that Salt counts on.
    salt.utils.win_network.get_interface_info = dict
    sys.argv[0] = "salt-call"
    salt_call()
