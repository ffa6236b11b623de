# SPDX-License-Identifier: Apache-2.0
"""The schema of what the probe answers."""

from __future__ import annotations

import json
from pathlib import Path

from jsonschema import Draft202012Validator

SCHEMA = json.loads((Path(__file__).parents[2] / "docs/probe.schema.json").read_text("utf-8"))
_VALIDATOR = Draft202012Validator(SCHEMA)


def check_schema(answer: object) -> None:
    """Raise jsonschema's ValidationError for what is no answer of the probe."""
    _VALIDATOR.validate(answer)
