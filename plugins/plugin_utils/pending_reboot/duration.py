# SPDX-License-Identifier: Apache-2.0
"""Lengths of time as people write them."""

from __future__ import annotations

import re
from datetime import timedelta

from .errors import InputError

#: No window, uptime or period that makes sense is longer.
LONGEST = timedelta(days=3660)

_PARTS = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s?)?", re.IGNORECASE)


def parse_duration(value: object, where: str) -> timedelta:
    """Return the length of time in `value`: seconds as a number, or `90s`, `30m`, `4h`, `1d`, `1h30m`.

    Raises:
        InputError: it is neither, or longer than a date can hold. `where` names the field.
    """
    text = str(value).replace(" ", "")
    match = None if isinstance(value, bool) or len(text) > 20 else _PARTS.fullmatch(text)
    if not match or not text:
        raise InputError(f"{value!r} is no length of time", where=where, hint="write 90s, 30m, 4h, 1d or 1h30m")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    try:
        length = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)
    except OverflowError:
        length = timedelta.max
    if length > LONGEST:
        raise InputError(f"{value!r} is too long", where=where, hint=f"at most {LONGEST.days} days")
    return length
