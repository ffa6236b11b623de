# SPDX-License-Identifier: GPL-3.0-or-later
"""What the exit code of a Windows installer means."""

from __future__ import annotations

from typing import Any

from ansible.errors import AnsibleFilterError

from ..plugin_utils.pending_reboot import exit_code


def installer_exit_code(code: Any) -> dict[str, object]:
    """Return what the core's table says of an exit code, signed or unsigned."""
    try:
        if isinstance(code, bool):
            raise ValueError(f"{code} is none")
        return exit_code(int(str(code), 0)).to_dict()
    except ValueError as error:
        raise AnsibleFilterError(f"installer_exit_code: {code!r} is no exit code") from error


class FilterModule:
    """The filter of this file."""

    def filters(self) -> dict[str, Any]:
        """Return it by its name."""
        return {"installer_exit_code": installer_exit_code}
