# SPDX-License-Identifier: Apache-2.0
"""The search language of the Windows Update Agent: `IsInstalled=1 and RebootRequired=1 or Type!='Driver'`.

Strict where the documentation is: what it does not allow is refused, so that a client that relies on it is seen.

References:
    https://learn.microsoft.com/en-us/windows/win32/api/wuapi/nf-wuapi-iupdatesearcher-search
    [MS-UAMG] 3.38.4.11
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final, Literal, NamedTuple
from uuid import UUID

#: What an empty criteria string means.
DEFAULT: Final = "( IsInstalled = 0 and IsHidden = 0 )"


class InvalidCriteriaError(ValueError):
    """WU_E_INVALID_CRITERIA."""


class Criterion(NamedTuple):
    """One comparison."""

    name: str
    operator: str
    value: str | int


class Property(NamedTuple):
    """What may be asked of a property."""

    name: str
    kind: Literal["string", "bool", "integer", "uuid"]
    operators: tuple[str, ...] = ("=",)


#: By lower-case name: names are compared without regard to case, as ABNF has it.
PROPERTIES: Final = {
    each.name.lower(): each
    for each in (
        Property("Type", "string", ("=", "!=")),
        Property("DeploymentAction", "string"),
        Property("IsAssigned", "bool"),
        Property("BrowseOnly", "bool"),
        Property("AutoSelectOnWebSites", "bool"),
        Property("UpdateID", "uuid", ("=", "!=")),
        Property("RevisionNumber", "integer"),
        Property("CategoryIDs", "uuid", ("contains",)),
        Property("IsInstalled", "bool"),
        Property("IsHidden", "bool"),
        Property("IsPresent", "bool"),
        Property("RebootRequired", "bool"),
    )
}

_TOKEN: Final = re.compile(r"\s+|[()]|!=|=|'[^']*'|-?[0-9]+|[A-Za-z]+")
_JOINS: Final = ("and", "or")


def parse(text: str) -> list[list[Criterion]]:
    """Return the groups joined by OR, each a list of what is joined by AND; raises InvalidCriteriaError."""
    parser = _Parser(_tokens(text if text.strip() else DEFAULT))
    groups = parser.groups()
    for group in groups:
        _check_revision(group)
    return [_with_default_action(group) for group in groups]


def matches(groups: Iterable[Iterable[Criterion]], update: Mapping[str, object]) -> bool:
    """Tell whether an update (property name -> value) meets the criteria."""
    return any(all(_meets(criterion, update[criterion.name]) for criterion in group) for group in groups)


def _meets(criterion: Criterion, found: object) -> bool:
    wanted = _folded(criterion.value)
    if criterion.operator == "contains":
        return isinstance(found, list) and wanted in map(_folded, found)
    return (_folded(found) == wanted) is (criterion.operator == "=")


def _folded(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _tokens(text: str) -> list[str]:
    """Return the tokens, white space left out; AND and OR must stand between white space."""
    found: list[str] = []
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise InvalidCriteriaError(f"cannot read {text[position:]!r}")
        found.append(match[0])
        position = match.end()
    for before, token, after in zip(["", *found], found, [*found[1:], ""], strict=False):
        if token.lower() in _JOINS and not (before.isspace() and after.isspace()):
            raise InvalidCriteriaError(f"no white space around {token!r}")
    return [token for token in found if not token.isspace()]


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, tokens: list[str]) -> None:
        self._tokens = tokens
        self._next = 0

    def groups(self) -> list[list[Criterion]]:
        groups = [self._group()]
        while self._accept("or"):
            groups.append(self._group())
        if self._peek():
            raise InvalidCriteriaError(f"unexpected {self._peek()!r}")
        return groups

    def _group(self) -> list[Criterion]:
        criteria = self._operand()
        while self._accept("and"):
            criteria += self._operand()
        return criteria

    def _operand(self) -> list[Criterion]:
        if not self._accept("("):
            return [self._criterion()]
        criteria = self._group()
        if self._peek().lower() == "or":
            raise InvalidCriteriaError("OR is allowed at the top level only")
        if not self._accept(")"):
            raise InvalidCriteriaError("a parenthesis is not closed")
        return criteria

    def _criterion(self) -> Criterion:
        name, operator, value = self._take(), self._take().lower(), self._take()
        known = PROPERTIES.get(name.lower())
        if known is None:
            raise InvalidCriteriaError(f"no property {name!r}")
        if operator not in known.operators:
            raise InvalidCriteriaError(f"{known.name} takes {' and '.join(known.operators)} only, not {operator!r}")
        return Criterion(known.name, operator, _value(known, value))

    def _peek(self) -> str:
        return self._tokens[self._next] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _accept(self, token: str) -> bool:
        if self._peek().lower() != token:
            return False
        self._next += 1
        return True


def _value(known: Property, token: str) -> str | int:
    """Return the value that `token` stands for, checked for what the property takes."""
    quoted = token.startswith("'")
    if quoted is (known.kind in ("bool", "integer")) or not (quoted or re.fullmatch("-?[0-9]+", token)):
        raise InvalidCriteriaError(f"{known.name} does not take {token or 'nothing'}")
    if not quoted:
        number = int(token)
        if known.kind == "bool" and number not in (0, 1):
            raise InvalidCriteriaError(f"{known.name} takes 0 or 1 only, not {number}")
        return number
    text = token[1:-1]
    if known.kind == "uuid" and not _is_uuid(text):
        raise InvalidCriteriaError(f"{known.name} takes a UUID, not {text!r}")
    return text


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def _check_revision(group: list[Criterion]) -> None:
    operators = [each.operator for each in group if each.name == "UpdateID"]
    if any(each.name == "RevisionNumber" for each in group) and ("=" not in operators or "!=" in operators):
        raise InvalidCriteriaError("RevisionNumber must be combined with UpdateID=")


def _with_default_action(group: list[Criterion]) -> list[Criterion]:
    if any(each.name == "DeploymentAction" for each in group):
        return group
    return [*group, Criterion("DeploymentAction", "=", "Installation")]
