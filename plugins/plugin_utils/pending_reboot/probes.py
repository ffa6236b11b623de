# SPDX-License-Identifier: Apache-2.0
"""Questions that are none of the registry's: their names, and the shape of their answers.

A reader answers a probe with a mapping of plain values, `Absent` (the component is not on this machine) or
`Unreadable`. A reader that cannot ask at all answers `Unreadable("unsupported", ...)`.
"""

from __future__ import annotations

from typing import Final

#: {"time_epoch": float, "source": str}: when the machine started last.
BOOT_TIME: Final = "boot_time"

#: {"name": str}: the machine's name as the reader knows it.
HOST: Final = "host"

#: {"reboot_required": bool, "updates": [{"update_id": str, "kb": [str], "title": str}]}: COM
#: Microsoft.Update.SystemInfo, and the updates that need the reboot when they were searched for.
WINDOWS_UPDATE_AGENT: Final = "windows_update_agent"

#: {"pending_reboot": bool}: CIM MSFT_WUSettings.IsPendingReboot in root/Microsoft/Windows/WindowsUpdate.
WINDOWS_UPDATE_SETTINGS: Final = "windows_update_settings"

#: {"return_value": int, "reboot_pending": bool, "hard_reboot_pending": bool}: CIM
#: CCM_ClientUtilities.DetermineIfRebootPending in root/ccm/ClientSDK.
CONFIGURATION_MANAGER: Final = "configuration_manager"

#: {"lcm_state": str}: CIM MSFT_DSCLocalConfigurationManager.GetMetaConfiguration.
DESIRED_STATE: Final = "desired_state_configuration"

#: {"path": str, "size": int}: the file WinSxS\pending.xml, which the next boot works through.
PENDING_XML: Final = "pending_xml"

#: The questions that another component answers, which may be slow, refuse or hang. The rest is answered at once.
COMPONENTS: Final = frozenset({WINDOWS_UPDATE_AGENT, WINDOWS_UPDATE_SETTINGS, CONFIGURATION_MANAGER, DESIRED_STATE})
