# SPDX-License-Identifier: Apache-2.0
"""The weights: paths that the rules name, and paths of products that they do not."""

from __future__ import annotations

import pytest

from pending_reboot.file_operation_rules import PUT, REMOVE, SUSPICIOUS, Rule
from pending_reboot.file_operations import decode
from pending_reboot.model import FileOperation
from pending_reboot.registry import Value


def weighed(source: str, target: str = "", system_root: str = "") -> FileOperation:
    value = Value.from_strings(["\\??\\" + source, f"!\\??\\{target}" if target else ""])
    return decode("PendingFileRenameOperations", value, system_root=system_root)[0]


@pytest.mark.parametrize(
    ("path", "weight", "category"),
    [
        (r"C:\Config.Msi\561b8f4a.rbf", "significant", "windows_installer"),
        (r"D:\CONFIG.MSI\A.RBF", "significant", "windows_installer"),
        (r"C:\Config.Msi\561b8f4b.rbs", "advisory", "application"),
        (r"C:\Windows\System32\drivers\SETEAC4.tmp", "significant", "driver"),
        (r"C:\Windows\System32\drivers\old.sys", "significant", "driver"),
        (r"C:\Program Files\Vendor\filter.sys.old", "significant", "driver"),
        (r"C:\WINDOWS\system32\SET46F3.tmp", "significant", "system"),
        (r"C:\WINDOWS\system32\_000006_.tmp.dll", "significant", "system"),
        (r"C:\Windows\WinSxS\Temp\PendingDeletes\$$DeleteMe.ntdll.dll.01d5", "significant", "servicing"),
        (r"C:\Windows\System32\$$DeleteMe.shell32.dll.01d5.0001", "significant", "servicing"),
        (r"C:\Windows\System32\unexplained.dll", "significant", "system"),
        (r"C:\Windows\Fonts\arial.ttf", "significant", "system"),
        (r"C:\Windows\Fonts\OFFSYMXL.TTF", "advisory", "font"),
        (r"C:\Windows\System32\spool\PRTPROCS\x64\1_vendor.dll", "significant", "printer"),
        (r"C:\Windows\System32\spool\V4Dirs\EA7D\94766af2.gpd", "advisory", "cache"),
        (r"C:\Windows\SoftwareDistribution\Download\abc\x.cab", "advisory", "cache"),
        (r"C:\Windows\Installer\MSI1F2.tmp", "advisory", "cache"),
        (r"C:\Windows\Temp\x\SET1.tmp", "advisory", "temporary"),
        (r"C:\Windows\SystemTemp\MicrosoftEdgeUpdate.exe.old{80AAB89E}", "advisory", "temporary"),
        (r"C:\Windows\ServiceProfiles\LocalService\AppData\Local\Temp\a", "advisory", "temporary"),
        (r"C:\Documents and Settings\a\Local Settings\Temp", "advisory", "temporary"),
        (r"C:\DOCUME~1\a\LOCALS~1\Temp\b.exe", "advisory", "temporary"),
        (r"C:\Windows\AppCompat\Programs\Amcache.hve.tmp", "advisory", "cache"),
        (r"C:\Windows\unins000.exe", "advisory", "uninstall"),
        (r"C:\WINDOWS\$NtUninstallKB902400$\clbcatq.dll", "advisory", "uninstall"),
        (r"C:\Program Files\BraveSoftware\Brave-Browser\Application\120.1.61.109", "advisory", "updater"),
        (r"C:\Program Files (x86)\Google\Update\1.3.34.11", "advisory", "updater"),
        (r"C:\Program Files\Mozilla Firefox\tobedeleted\mozd0c28138", "advisory", "updater"),
        (r"C:\Program Files\VMware", "advisory", "application"),
        (r"C:\pagefile.sys", "advisory", "application"),
        (r"C:\$WinREAgent\Scratch\update.wim", "advisory", "application"),
        (r"\\server\share\a.bin", "advisory", "application"),
        (r"C:\WindowsApps\a.dll", "advisory", "application"),
        (r"C:\Windows.old\Windows\System32\a.dll", "advisory", "application"),
        (r"E:\WINNT\system32\a.dll", "significant", "system"),
        (r"C:\WINDOWS\LastGood.Tmp\system32\a.dll", "advisory", "uninstall"),
        (r"C:\Windows\ccmcache\1\setup.exe", "advisory", "cache"),
        (r"\Device\HarddiskVolume2\Config.Msi\561b8f4a.rbf", "significant", "windows_installer"),
        (r"\GLOBALROOT\Device\HarddiskVolume3\Windows\System32\a.dll", "significant", "system"),
        (r"\SystemRoot\system32\a.dll", "significant", "system"),
        (r"\Device\HarddiskVolume2\Windows\System32\a.dll", "significant", "system"),
        (r"Volume{d1b5cf0c-0000-0000-0000-100000000000}\Windows\a.dll", "significant", "system"),
    ],
)
def test_a_delete(path: str, weight: str, category: str) -> None:
    operation = weighed(path)
    assert (operation.weight, operation.category) == (weight, category)
    assert weighed(path.upper()).weight == weight
    assert weighed(path + "\\").weight == weight


@pytest.mark.parametrize(
    ("source", "target", "weight", "category"),
    [
        (
            r"C:\Windows\system32\drivers\SET1A01.tmp",
            r"C:\Windows\system32\DRIVERS\vmhgfs.sys",
            "significant",
            "driver",
        ),
        (r"C:\Temp\a.tmp", r"C:\Program Files\Vendor\filter.sys", "significant", "driver"),
        (r"C:\WINDOWS\system32\SET31.tmp", r"C:\WINDOWS\system32\clbcatq.dll", "significant", "system"),
        (r"C:\Windows\WinSxS\Temp\PendingRenames\a", r"C:\Windows\WinSxS\amd64_x\a.dll", "significant", "servicing"),
        (
            r"C:\Windows\System32\spool\DRIVERS\x64\3\New\a.dll",
            r"C:\Windows\System32\spool\DRIVERS\x64\3\a.dll",
            "significant",
            "printer",
        ),
        (r"C:\Program Files\7-Zip\7-zip.dll.tmp", r"C:\Program Files\7-Zip\7-zip.dll", "significant", "application"),
        (r"C:\Windows\INF", r"C:\Windows\INF.old", "significant", "system"),
        (
            r"C:\Windows\AppCompat\Programs\Amcache.hve.tmp",
            r"C:\Windows\AppCompat\Programs\Amcache.hve",
            "advisory",
            "cache",
        ),
        (r"C:\Program Files\A\a.dll", r"C:\Users\u\AppData\Local\Temp\x.tmp", "advisory", "application"),
        (r"C:\Windows\System32\a.dll", r"C:\Windows\Temp\x.tmp", "significant", "system"),
        (r"C:\Windows\System32\cmd.exe", r"C:\Windows\System32\utilman.exe", "significant", "suspicious"),
        (r"C:\evil.exe", r"C:\Windows\System32\sethc.exe", "significant", "suspicious"),
        (r"C:\Windows\explorer.malware.exe", r"C:\Windows\explorer.exe", "significant", "suspicious"),
        (r"C:\Windows\System32\SET9.tmp", r"C:\Windows\System32\utilman.exe", "significant", "system"),
        (r"C:\Temp\utilman.exe", r"C:\Windows\System32\utilman.exe", "significant", "system"),
        (r"C:\Windows\Temp\abc.exe", r"C:\Windows\System32\vendor.exe", "significant", "system"),
        (r"C:\Windows\System32\utilman.exe", r"C:\Windows\System32\utilman.exe.bak", "significant", "system"),
    ],
)
def test_a_file_put_in_place(source: str, target: str, weight: str, category: str) -> None:
    operation = weighed(source, target)
    assert (operation.weight, operation.category) == (weight, category)
    assert operation.suspicious == (category == "suspicious")


def test_another_system_root() -> None:
    assert weighed(r"D:\Win2003\a.dll").weight == "advisory"
    assert weighed(r"D:\Win2003\a.dll", system_root="D:\\WIN2003\\").weight == "significant"
    assert weighed(r"D:\Win2003x\a.dll", system_root=r"D:\Win2003").weight == "advisory"


@pytest.mark.parametrize("rule", [*PUT, *REMOVE, SUSPICIOUS], ids=lambda rule: rule.category)
def test_every_rule_says_why_and_who_says_so(rule: Rule) -> None:
    assert rule.reason
    assert rule.reference
