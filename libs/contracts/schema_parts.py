"""What the JSON Schemas that no model makes are put together from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from libs.contracts.fields import AMOUNT_PATTERN

Json = dict[str, Any]

TEXT: Final[Json] = {"type": "string"}
MAYBE: Final[Json] = {"type": ["string", "null"]}
TIME: Final[Json] = {"type": "string", "format": "date-time"}
AMOUNT: Final[Json] = {"type": "string", "pattern": AMOUNT_PATTERN}
COMPUTED: Final[Json] = {
    "type": "string",
    "pattern": r"^-?[0-9]+(\.[0-9]+)?$",
    "description": "A decimal that we computed, with as many digits as it takes.",
}
MAYBE_AMOUNT: Final[Json] = {"type": ["string", "null"], "pattern": AMOUNT_PATTERN}
COUNT: Final[Json] = {"type": "integer", "minimum": 0}


def open_object(fields: Mapping[str, Json], optional: Mapping[str, Json] | None = None) -> Json:
    """An object that has ``fields``, may have ``optional`` ones, and others that nobody knows yet."""
    return {
        "type": "object",
        "properties": {**fields, **(optional or {})},
        "required": list(fields),
        "additionalProperties": True,
    }


def texts(*names: str) -> dict[str, Json]:
    """Fields that are strings."""
    return dict.fromkeys(names, TEXT)
