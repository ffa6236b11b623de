# SPDX-License-Identifier: Apache-2.0
"""What this package needs of the core, which has two names: that of pip's installation, and that in the collection."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING or __package__ == "pending_reboot_wire":
    from pending_reboot.errors import InputError
    from pending_reboot.readers.soap import LARGEST
    from pending_reboot.readers.wsman import Carrier, CarrierError
else:
    from ..pending_reboot.errors import InputError
    from ..pending_reboot.readers.soap import LARGEST
    from ..pending_reboot.readers.wsman import Carrier, CarrierError

__all__ = ["LARGEST", "Carrier", "CarrierError", "InputError"]
