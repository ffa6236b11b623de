# SPDX-License-Identifier: Apache-2.0
"""The search language of the lab's Windows Update Agent is the documented one."""

from __future__ import annotations

import pytest

from windows_lab.inside.criteria import Criterion, InvalidCriteriaError, matches, parse

ID = "9306cdfc-c4a1-4a22-9996-848cb67eddc3"
INSTALLATION = Criterion("DeploymentAction", "=", "Installation")
UPDATE: dict[str, object] = {
    "Type": "Software",
    "DeploymentAction": "Installation",
    "IsAssigned": True,
    "BrowseOnly": False,
    "AutoSelectOnWebSites": False,
    "UpdateID": ID.upper(),
    "RevisionNumber": 100,
    "CategoryIDs": [ID],
    "IsInstalled": True,
    "IsHidden": False,
    "IsPresent": True,
    "RebootRequired": True,
}
#: What Windows' own Automatic Updates asks, from a WindowsUpdate.log.
AUTOMATIC_UPDATES = (
    "IsInstalled=0 and DeploymentAction='Installation' or IsPresent=1 and DeploymentAction='Uninstallation' or "
    "IsInstalled=1 and DeploymentAction='Installation' and RebootRequired=1 or "
    "IsInstalled=0 and DeploymentAction='Uninstallation' and RebootRequired=1"
)


def test_groups() -> None:
    assert parse("IsHidden = 1 and DeploymentAction='Uninstallation' OR Type!='Driver'") == [
        [Criterion("IsHidden", "=", 1), Criterion("DeploymentAction", "=", "Uninstallation")],
        [Criterion("Type", "!=", "Driver"), INSTALLATION],
    ]


@pytest.mark.parametrize("text", ["", "  ", "( IsInstalled = 0 and IsHidden = 0 )", "isinstalled=0 AND ISHIDDEN=0"])
def test_the_default(text: str) -> None:
    assert parse(text) == [[Criterion("IsInstalled", "=", 0), Criterion("IsHidden", "=", 0), INSTALLATION]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (AUTOMATIC_UPDATES, True),
        ("IsInstalled=1 and RebootRequired=1", True),
        ("RebootRequired=0", False),
        ("(IsHidden=1 and IsPresent=1) or (RebootRequired=1)", True),
        ("((IsHidden=0) and (IsPresent=1))", True),
        ("Type='software'", True),
        ("Type!='Software'", False),
        (f"UpdateID='{ID}'", True),
        (f"UpdateID!='{ID}'", False),
        (f"UpdateID='{ID}' and RevisionNumber=100", True),
        (f"RevisionNumber=101 and UpdateID='{ID}'", False),
        (f"CategoryIDs contains '{ID}'", True),
        ("CategoryIDs contains '00000000-0000-0000-0000-000000000000'", False),
        ("IsInstalled=1 and DeploymentAction='Uninstallation'", False),
    ],
)
def test_what_is_found(text: str, found: bool) -> None:
    assert matches(parse(text), UPDATE) is found


def test_a_group_without_action_means_installation() -> None:
    removal = {**UPDATE, "DeploymentAction": "Uninstallation"}
    assert not matches(parse("RebootRequired=1"), removal)
    assert matches(parse("RebootRequired=1 and DeploymentAction='uninstallation'"), removal)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("RebootRequired!=1", "RebootRequired takes = only"),
        ("RebootRequired=2", "0 or 1 only"),
        ("RebootRequired=-1", "0 or 1 only"),
        ("RebootRequired='1'", "does not take '1'"),
        ("RebootRequired", "takes = only, not ''"),
        ("RebootRequired=", "does not take nothing"),
        ("RebootRequired=True", "does not take True"),
        ("IsInstalled contains 1", "takes = only"),
        ("DeploymentAction!='Installation'", "takes = only"),
        (f"CategoryIDs='{ID}'", "contains only"),
        ("Type=1", "does not take 1"),
        ("Type='Driver", "cannot read"),
        ("Title='x'", "no property 'Title'"),
        ("UpdateID='KB902400'", "takes a UUID"),
        (f"UpdateID='{{{ID}}}'", "takes a UUID"),
        ("RevisionNumber=1", "combined with UpdateID"),
        (f"RevisionNumber=1 and UpdateID!='{ID}'", "combined with UpdateID"),
        (f"RevisionNumber=1 or UpdateID='{ID}'", "combined with UpdateID"),
        ("IsHidden=1 and (IsInstalled=1 or RebootRequired=1)", "top level"),
        ("(IsInstalled=1 or RebootRequired=1)", "top level"),
        ("(IsInstalled=1", "not closed"),
        ("IsInstalled=1)", "unexpected"),
        ("IsInstalled=1 IsHidden=1", "unexpected 'IsHidden'"),
        ("IsInstalled=1 and", "white space around 'and'"),
        ("IsInstalled=1 and ", "no property"),
        ("IsInstalled=1and IsHidden=1", "white space around 'and'"),
        ("(IsInstalled=1)or (IsHidden=1)", "white space around 'or'"),
        ("IsInstalled<1", "cannot read"),
        ("IsInstalled=1; IsHidden=1", "cannot read"),
    ],
)
def test_what_is_illegal(text: str, why: str) -> None:
    with pytest.raises(InvalidCriteriaError, match=why):
        parse(text)
