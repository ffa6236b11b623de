# SPDX-License-Identifier: Apache-2.0
r"""The inventory classes, compiled by pywbem, which knows the grammar of the DMTF and nothing of this project.

Windows's MOF has three forms that this grammar refuses. They are written in standard form first, these and no others:

- `#pragma deleteclass("X", NOFAIL)`: a standard pragma has one parameter
- `#pragma namespace ("\\\\.\\root\\cimv2")`: a standard namespace has slashes and no machine
- `[...] Property;` in an instance: a standard property has a value

Qualifiers of an instance are parsed and then dropped by pywbem. To see them they are compiled once more, at the
properties of a class.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pywbem import CIMClass, CIMInstance, MOFCompileError, MOFCompiler, MOFWBEMConnection

from pending_reboot.file_operations import VALUES
from pending_reboot.registry import KeyQuery
from pending_reboot.sources.pending_file_rename import SESSION_MANAGER
from pending_reboot.sources.update_exe_volatile import FLAG, FLAG_32
from pending_reboot.sources.windows_update import REBOOT_REQUIRED
from pending_reboot_tools.cli import main
from pending_reboot_tools.inventory_mof import PARTS, Part, fragments

DATA, REPORTING = "root/cimv2", "root/cimv2/SMS"
LOCAL = "Local|HKEY_LOCAL_MACHINE\\"

#: What WMI and the inventory agent have declared before.
KNOWN = """
Qualifier Key : boolean = false, Scope(property, reference), Flavor(DisableOverride, ToSubclass);
Qualifier Dynamic : boolean = false, Scope(any);
Qualifier DynProps : boolean = false, Scope(any);
Qualifier Provider : string = null, Scope(any);
Qualifier ClassContext : string = null, Scope(class);
Qualifier PropertyContext : string = null, Scope(property);
Qualifier SMS_Report : boolean = false, Scope(any);
Qualifier SMS_Group_Name : string = null, Scope(class);
Qualifier SMS_Class_ID : string = null, Scope(class);
Qualifier SMS_Context_1 : string = null, Scope(class);
Qualifier SMS_Context_2 : string = null, Scope(class);
class SMS_Class_Template { };
"""

PROPERTY = re.compile(r"(\[PropertyContext\([^]]*\]) (\w+);")
INSTANCE = re.compile(r"\[DYNPROPS\]\s+instance of (\w+)\s+\{\s+KeyName = [^;]*;(.*?)\};", re.DOTALL)

#: Windows's three forms, and how each is written in standard form.
FORMS = {
    "deleteclass": (re.compile(r'#pragma deleteclass \("(\w+)", NOFAIL\)'), r'#pragma deleteclass ("\1")'),
    "namespace": (
        re.compile(r'#pragma namespace \("\\\\\\\\\.\\\\root\\\\cimv2(?:\\\\(SMS))?"\)'),
        lambda match: f'#pragma namespace ("{REPORTING if match[1] else DATA}")',
    ),
    "property": (PROPERTY, r"\1 \2 = NULL;"),
}


def standard(mof: str, *, leave: str = "") -> str:
    """Return the text with Windows's forms in standard form, except for the one that is left."""
    for form, (pattern, replacement) in FORMS.items():
        if form != leave:
            mof = pattern.sub(replacement, mof)
    return mof


def with_contexts(mof: str) -> str:
    """Return the text with a class beside each instance that has the qualifiers of the instance's properties."""
    return INSTANCE.sub(lambda match: match[0] + f"\nclass {match[1]}_Contexts {{{as_members(match[2])}}};", mof)


def as_members(text: str) -> str:
    return PROPERTY.sub(r"\1 string \2;", text)


class Repository:
    """What is there after the text was compiled."""

    def __init__(self, mof: str, *, leave: str = "") -> None:
        self.connection = MOFWBEMConnection()
        compiler = MOFCompiler(self.connection, log_func=None)
        for namespace in (DATA, REPORTING):
            compiler.compile_string(KNOWN, namespace)
        # A namespace of its own, so that a text without a pragma is seen.
        compiler.compile_string(standard(with_contexts(mof), leave=leave), "root/default")

    def names(self, namespace: str) -> list[str]:
        return [name for name in self.connection.classes[namespace] if name != "SMS_Class_Template"]

    def class_(self, name: str, namespace: str) -> CIMClass:
        return self.connection.GetClass(name, namespace=namespace, LocalOnly=False, IncludeQualifiers=True)

    def instances(self) -> list[CIMInstance]:
        return self.connection.instances[DATA]


@pytest.fixture(scope="module")
def repository() -> Repository:
    return Repository(fragments(*PARTS))


def shape(class_: CIMClass) -> dict[str, str]:
    """Return the properties with their types; a key has a star."""
    return {
        name: each.type + ("[]" if each.is_array else "") + ("*" if "key" in each.qualifiers else "")
        for name, each in class_.properties.items()
    }


def qualifiers(class_: CIMClass) -> dict[str, object]:
    return {name.lower(): each.value for name, each in class_.qualifiers.items()}


SHAPES = {
    "PendingReboot_WindowsUpdate": {"KeyName": "string*", "UnnamedValue": "string"},
    "PendingReboot_WindowsUpdate_64": {"KeyName": "string*", "UnnamedValue": "string"},
    "PendingReboot_FileRename": {"KeyName": "string*", VALUES[0]: "string[]", VALUES[1]: "string[]"},
    "PendingReboot_UpdateExe": {"KeyName": "string*", "Flags": "uint32"},
    "PendingReboot_UpdateExe_64": {"KeyName": "string*", "Flags": "uint32"},
}


class TestDataClasses:
    def test_there_are_these_and_no_others(self, repository: Repository) -> None:
        names = [name for name in repository.names(DATA) if not name.endswith("_Contexts")]
        assert names == list(SHAPES)
        assert repository.connection.classes.get("root/default", {}) == {}

    @pytest.mark.parametrize("name", SHAPES)
    def test_properties(self, repository: Repository, name: str) -> None:
        assert shape(repository.class_(name, DATA)) == SHAPES[name]

    @pytest.mark.parametrize("name", ["PendingReboot_WindowsUpdate", "PendingReboot_WindowsUpdate_64"])
    def test_the_subkeys_beside_reboot_required_are_listed(self, repository: Repository, name: str) -> None:
        class_ = repository.class_(name, DATA)
        parent, _, key = REBOOT_REQUIRED.path.rpartition("\\")
        assert key == "RebootRequired"
        assert qualifiers(class_) == {"dynamic": True, "provider": "RegProv", "classcontext": LOCAL + parent}
        assert class_.properties["UnnamedValue"].qualifiers["PropertyContext"].value == ""
        assert "PropertyContext" not in class_.properties["KeyName"].qualifiers

    @pytest.mark.parametrize(
        ("name", "query"),
        [
            ("PendingReboot_FileRename", SESSION_MANAGER),
            ("PendingReboot_UpdateExe", FLAG_32),
            ("PendingReboot_UpdateExe_64", FLAG),
        ],
    )
    def test_each_value_is_read_from_the_key_of_its_source(
        self, repository: Repository, name: str, query: KeyQuery
    ) -> None:
        assert qualifiers(repository.class_(name, DATA)) == {"dynprops": True}
        (instance,) = (each for each in repository.instances() if each.classname == name)
        values = {each: property_.value for each, property_ in instance.properties.items()}
        assert values == {"KeyName": query.path.rpartition("\\")[2], **dict.fromkeys(query.values)}
        contexts = repository.class_(f"{name}_Contexts", DATA).properties
        assert {each: read(property_.qualifiers) for each, property_ in contexts.items()} == {
            each: (f"{LOCAL}{query.path}|{each}", True, "RegPropProv") for each in query.values
        }


def read(found: dict[str, object]) -> tuple[object, ...]:
    assert len(found) == 3
    return tuple(found[name].value for name in ("PropertyContext", "Dynamic", "Provider"))  # type: ignore[attr-defined]


class TestReportingClasses:
    @pytest.mark.parametrize("name", SHAPES)
    def test_they_report_all_that_the_data_classes_have(self, repository: Repository, name: str) -> None:
        class_ = repository.class_(name, REPORTING)
        assert class_.superclass == "SMS_Class_Template"
        assert shape(class_) == SHAPES[name]
        assert [each.qualifiers["SMS_Report"].value for each in class_.properties.values()] == [True] * len(
            SHAPES[name]
        )

    def test_there_are_these_and_no_others(self, repository: Repository) -> None:
        assert repository.names(REPORTING) == list(SHAPES)

    @pytest.mark.parametrize(
        ("name", "id_", "group", "architecture"),
        [
            ("WindowsUpdate", "PENDING_WINDOWS_UPDATE", "Windows Update", 32),
            ("WindowsUpdate_64", "PENDING_WINDOWS_UPDATE_64", "Windows Update (64)", 64),
            ("FileRename", "PENDING_FILE_RENAME", "File Rename", None),
            ("UpdateExe", "PENDING_UPDATE_EXE", "Update.exe", 32),
            ("UpdateExe_64", "PENDING_UPDATE_EXE_64", "Update.exe (64)", 64),
        ],
    )
    def test_names_and_the_architecture_of_the_provider(
        self, repository: Repository, name: str, id_: str, group: str, architecture: int | None
    ) -> None:
        found = qualifiers(repository.class_(f"PendingReboot_{name}", REPORTING))
        wanted = {
            "sms_report": True,
            "sms_group_name": f"Pending Reboot {group}",
            "sms_class_id": f"PENDING_REBOOT|{id_}|1.0",
        }
        if architecture:
            wanted["sms_context_1"] = f"__ProviderArchitecture={architecture}|uint32"
            wanted["sms_context_2"] = "__RequiredArchitecture=true|boolean"
        assert found == wanted


class TestText:
    def test_both_views_of_the_flag_have_one_path(self) -> None:
        assert (FLAG.path, FLAG.values) == (FLAG_32.path, FLAG_32.values)

    @pytest.mark.parametrize("part", PARTS)
    def test_each_class_is_deleted_before_it_is_declared(self, part: Part) -> None:
        found = re.findall(r'^#pragma (\w+) \("([^"]*)"|^class (\w+)', fragments(part), re.MULTILINE)
        namespace = {"configuration": r"\\\\.\\root\\cimv2", "sms-def": r"\\\\.\\root\\cimv2\\SMS"}[part]
        assert found == [
            each
            for name in SHAPES
            for each in (("namespace", namespace, ""), ("deleteclass", name, ""), ("", "", name))
        ]

    @pytest.mark.parametrize("form", FORMS)
    def test_each_form_of_windows_is_one_that_pywbem_refuses(self, form: str) -> None:
        # pywbem stumbles over the namespace instead of refusing it.
        with pytest.raises((MOFCompileError, AttributeError)):
            Repository(fragments(*PARTS), leave=form)

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("string KeyName;", "string KeyName"),
            ("};", "}"),
            ("uint32 Flags;", "dword Flags;"),
            ("Operations[];", "Operations[;"),
            ('Provider("RegPropProv")]', 'Provider("RegPropProv)]'),
            ('Provider("RegPropProv")]', 'Providor("RegPropProv")]'),
            ("Auto Update", "Auto\\Update"),
            ('Provider("RegPropProv")] Flags;', 'Provider("RegPropProv")] Flag;'),
            ("instance of PendingReboot_UpdateExe_64", "instance of PendingReboot_UpdateExe64"),
            (": SMS_Class_Template", ": SMS_Class_Templates"),
            ("SMS_Report(TRUE)", "SMS_Report(YES)"),
            (", NOFAIL)", ", NOFAIL"),
            ("#pragma namespace", "#pragma namespaces"),
        ],
    )
    def test_a_broken_fragment_is_refused(self, old: str, new: str) -> None:
        mof = fragments(*PARTS)
        assert old in mof
        with pytest.raises(MOFCompileError):
            Repository(mof.replace(old, new))


class TestCommand:
    def test_both_parts_are_printed(self, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["inventory-mof"]) == 0
        assert capsys.readouterr().out == fragments("configuration", "sms-def")

    @pytest.mark.parametrize("part", PARTS)
    def test_one_part(self, part: Part, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["inventory-mof", "--part", part]) == 0
        out = capsys.readouterr().out
        assert out == fragments(part)
        assert ("SMS_Report" in out) == (part == "sms-def")

    def test_the_file_has_the_line_ends_of_windows(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "classes.mof"
        assert main(["inventory-mof", "--output", str(path)]) == 0
        assert path.read_bytes() == fragments(*PARTS).replace("\n", "\r\n").encode("ascii")
        assert capsys.readouterr().out == ""

    def test_a_file_that_is_there_is_kept(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        path = tmp_path / "configuration.mof"
        path.write_text("the site's own")
        assert main(["inventory-mof", "--output", str(path)]) == 2
        assert path.read_text() == "the site's own"
        assert "configuration.mof: exists already (append its content by hand)\n" in capsys.readouterr().err

    def test_a_file_that_cannot_be_written(self, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
        assert main(["inventory-mof", "--output", str(tmp_path / "absent" / "a.mof")]) == 2
        assert "a.mof: cannot be written: No such file or directory" in capsys.readouterr().err
