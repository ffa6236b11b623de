# SPDX-License-Identifier: Apache-2.0
r"""Hardware-inventory classes (MOF) for the registry sources, to import into SMS and Configuration Manager.

There are two parts. The data classes (configuration.mof) are compiled by every client and say which registry values
WMI reads. The reporting classes (sms_def.mof) say which of them the inventory agent sends to the site.

Two of WMI's registry providers do the reading, because each can do what the other one cannot:

- RegPropProv reads values whose names are known beforehand: one instance, written down here, with a value for each
  property. That suits Session Manager's two values and the `Flags` of `UpdateExeVolatile`. It cannot say whether a
  *key* exists, and it cannot list values.
- RegProv gives one instance for each *subkey* of a key. `RebootRequired` is told by its existence, and the names of its
  values are update ids that nobody knows beforehand: so the subkeys of its parent are listed, and it is among them
  while it exists. Which updates wait is beyond both providers.

SOFTWARE has a 32-bit and a 64-bit view, and WMI has a provider for each. Which one answers is decided by the reporting
class, by its two SMS_Context qualifiers: they ask for one architecture and accept no other. So there are two classes
for each key that is redirected, as Microsoft has them for BitLocker's policy. Their data classes differ in nothing but
the name. 32-bit Windows has no 64-bit provider, so the 64-bit class reports nothing there, and that is meant (a WMI too
old to know the request answers with the only view there is, which does no harm either). A path with WOW6432Node in it
would do without the qualifiers, but only where the agent itself is a 64-bit program, and old ones are not. SYSTEM is
the same in both views, so its class leaves the choice to the agent.

What an inventory cannot tell is in docs/inventory-mof.md.

References:
    https://learn.microsoft.com/en-us/windows/win32/wmisdk/using-the-system-registry-provider-as-a-property-provider
    https://learn.microsoft.com/en-us/windows/win32/wmisdk/accessing-an-unnamed-registry-value (RegProv, ClassContext)
    https://learn.microsoft.com/en-us/windows/win32/wmisdk/mapping-a-registry-data-type-to-a-wmi-data-type
    https://learn.microsoft.com/en-us/windows/win32/wmisdk/requesting-wmi-data-on-a-64-bit-platform
    https://learn.microsoft.com/en-us/windows/win32/wmisdk/pragma-deleteclass
    https://learn.microsoft.com/en-us/previous-versions/system-center/configuration-manager-2003/cc180376(v=technet.10)
    (the qualifiers of reporting classes)
    https://github.com/MicrosoftDocs/windows-itpro-docs/blob/e49115dda184221ede594d64c37b1f2444b98ad6/mdop/mbam-v2/create-or-edit-the-sms-defmof-file.md
    (two classes for the two views, SMS_Context)
    https://github.com/MicrosoftDocs/memdocs/blob/main/memdocs/configmgr/core/clients/manage/inventory/extend-hardware-inventory.md
    (how to import them, strings of more than 255 characters)
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from pending_reboot.registry import KeyQuery, redirect
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER
from pending_reboot.sources.update_exe_volatile import FLAG
from pending_reboot.sources.windows_update import REBOOT_REQUIRED

Part = Literal["configuration", "sms-def"]

#: In the order in which they are printed.
PARTS: tuple[Part, ...] = ("configuration", "sms-def")


class Entry(NamedTuple):
    """What the inventory takes from one key of a source."""

    #: The name of the data class and of the reporting class; the one for the 64-bit view gets `_64`.
    name: str
    #: What Resource Explorer shows.
    group: str
    #: The middle of SMS_Class_ID, which becomes the site's class SMS_G_System_...: so it must not be Microsoft's.
    class_id: str
    #: The key, and the values that are wanted.
    query: KeyQuery
    #: The MOF type of the values: REG_DWORD is uint32, REG_MULTI_SZ is an array of strings. Without one, the existence
    #: of the key is the answer.
    type: Literal["uint32", "string[]"] | None = None


ENTRIES = (
    Entry("PendingReboot_WindowsUpdate", "Pending Reboot Windows Update", "PENDING_WINDOWS_UPDATE", REBOOT_REQUIRED),
    Entry("PendingReboot_FileRename", "Pending Reboot File Rename", "PENDING_FILE_RENAME", SESSION_MANAGER, "string[]"),
    Entry("PendingReboot_UpdateExe", "Pending Reboot Update.exe", "PENDING_UPDATE_EXE", FLAG, "uint32"),
)

#: The last part of SMS_Class_ID.
_VERSION = "1.0"

_NAMESPACES: dict[Part, str] = {"configuration": r"\\.\root\cimv2", "sms-def": r"\\.\root\cimv2\SMS"}

_HEADS: dict[Part, str] = {
    "configuration": "Pending reboots: data classes, for configuration.mof",
    "sms-def": "Pending reboots: reporting classes, for sms_def.mof or Import in the client settings",
}

#: The property beside the key where subkeys are listed. No documented class has a key and nothing else.
_UNNAMED = "UnnamedValue"


def fragments(*parts: Part) -> str:
    """Return these parts as MOF text, each with its heading."""
    return "\n".join(_part(part) for part in parts)


def _part(part: Part) -> str:
    rule = "//" + "=" * 90
    texts = [f"{rule}\n// {_HEADS[part]}\n{rule}\n"]
    for entry in ENTRIES:
        for view in _views(entry):
            name = f"{entry.name}_64" if view == 64 else entry.name
            pragmas = (
                f"#pragma namespace ({_quoted(_NAMESPACES[part])})\n#pragma deleteclass ({_quoted(name)}, NOFAIL)\n"
            )
            texts.append(pragmas + (_data(name, entry) if part == "configuration" else _reporting(name, entry, view)))
    return "\n".join(texts)


def _views(entry: Entry) -> tuple[Literal[32, 64] | None, ...]:
    """Return the registry views that need a class each: none in particular where both show the same key."""
    redirected = redirect(entry.query.path, 32) != entry.query.path
    return (32, 64) if redirected else (None,)


def _properties(entry: Entry) -> list[tuple[str, str]]:
    """Return the name and the declaration of each property beside the key."""
    if entry.type is None:
        return [(_UNNAMED, f"string {_UNNAMED}")]
    kind, bracket, _ = entry.type.partition("[]")
    return [(name, f"{kind} {name}{bracket}") for name in entry.query.values]


def _data(name: str, entry: Entry) -> str:
    return _subkeys(name, entry) if entry.type is None else _values(name, entry)


def _subkeys(name: str, entry: Entry) -> str:
    parent = entry.query.path.rpartition("\\")[0]
    context = _quoted(f"Local|HKEY_LOCAL_MACHINE\\{parent}")
    members = ["[key] string KeyName", *(f'[PropertyContext("")] {text}' for _, text in _properties(entry))]
    return _block(f'[dynamic, provider("RegProv"), ClassContext({context})]\nclass {name}', members)


def _values(name: str, entry: Entry) -> str:
    path = entry.query.path
    declared = _block(f"[DYNPROPS]\nclass {name}", ["[key] string KeyName", *(text for _, text in _properties(entry))])
    key_name = path.rpartition("\\")[2]
    members = [f"KeyName = {_quoted(key_name)}"]
    for value, _ in _properties(entry):
        context = _quoted(f"Local|HKEY_LOCAL_MACHINE\\{path}|{value}")
        members.append(f'[PropertyContext({context}), Dynamic, Provider("RegPropProv")] {value}')
    return declared + "\n" + _block(f"[DYNPROPS]\ninstance of {name}", members)


def _reporting(name: str, entry: Entry, view: Literal[32, 64] | None) -> str:
    bits = " (64)" if view == 64 else ""
    suffix = "_64" if view == 64 else ""
    qualifiers = [
        "SMS_Report(TRUE)",
        f"SMS_Group_Name({_quoted(entry.group + bits)})",
        f"SMS_Class_ID({_quoted(f'PENDING_REBOOT|{entry.class_id}{suffix}|{_VERSION}')})",
    ]
    if view:
        qualifiers += [
            f'SMS_Context_1("__ProviderArchitecture={view}|uint32")',
            'SMS_Context_2("__RequiredArchitecture=true|boolean")',
        ]
    members = ["[SMS_Report(TRUE), key] string KeyName"]
    members += [f"[SMS_Report(TRUE)] {text}" for _, text in _properties(entry)]
    return _block("[" + ",\n ".join(qualifiers) + f"]\nclass {name} : SMS_Class_Template", members)


def _block(head: str, members: list[str]) -> str:
    return head + "\n{\n" + "".join(f"    {member};\n" for member in members) + "};\n"


def _quoted(text: str) -> str:
    """Return the text as a MOF string, in which a backslash is written twice."""
    return '"' + text.replace("\\", "\\\\") + '"'
