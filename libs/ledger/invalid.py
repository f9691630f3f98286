"""Why an input was refused, in words that name the field."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from libs.contracts.fields import (
    AMOUNT_PATTERN,
    LONG_AMOUNT_PATTERN,
    TIME_PATTERN,
    UUID_OR_EMPTY_PATTERN,
    UUID_PATTERN,
)

_SHOWN: Final = 80  # characters of an offending value worth showing
_MALFORMED: Final = {
    AMOUNT_PATTERN: ("malformed_amount", "a decimal string of at most 18 digits on each side of the point"),
    LONG_AMOUNT_PATTERN: (
        "malformed_amount",
        "a decimal of at most 18 digits before the point and 40 after it",
    ),
    TIME_PATTERN: ("malformed_time", "an RFC 3339 time"),
    UUID_PATTERN: ("malformed_uuid", "a UUID"),
    UUID_OR_EMPTY_PATTERN: ("malformed_uuid", "a UUID or empty"),
}


_WANTED: Final = {
    "string_type": "a string",
    "list_type": "an array",
    "model_type": "an object",
    "dict_type": "an object",
    "int_type": "an integer",
    "int_from_float": "an integer",
    "greater_than_equal": "{ge} or more",
    "less_than_equal": "{le} or less",
    "bool_type": "true or false",
}


class Invalid(Exception):
    """An input that can't be folded: ``error`` is a code, ``pointer`` a JSON Pointer (empty = the whole)."""

    def __init__(self, error: str, detail: str, pointer: str = "") -> None:
        super().__init__(f"{pointer or 'the record'}: {detail} ({error})")
        self.error = error
        self.detail = detail
        self.pointer = pointer


def pointer_to(path: Sequence[str | int]) -> str:
    """The JSON Pointer (RFC 6901) of a path of keys and indexes."""
    return "".join(f"/{str(step).replace('~', '~0').replace('/', '~1')}" for step in path)


def shown(value: object) -> str:
    """An offending value as a message shows it: bounded, quoted, never a whole document."""
    if isinstance(value, str):
        return repr(value[:_SHOWN]) + ("…" if len(value) > _SHOWN else "")
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, int | float):
        return repr(value)[:_SHOWN]
    if isinstance(value, list):
        return "an array"
    return "an object" if isinstance(value, dict) else type(value).__name__


def from_validation(failure: ValidationError) -> Invalid:
    """The first of pydantic's findings, in our codes."""
    return _translate(failure.errors(include_url=False)[0])


def all_from_validation(failure: ValidationError) -> list[Invalid]:
    """All of pydantic's findings, in our codes: for a sender that is told at once what to mend."""
    return [_translate(finding) for finding in failure.errors(include_url=False)]


def _translate(finding: ErrorDetails) -> Invalid:
    pointer = pointer_to(finding["loc"])
    field = str(finding["loc"][-1]) if finding["loc"] else "the record"
    kind = finding["type"]
    if kind == "missing":
        return Invalid("missing_field", f"{field} is missing", pointer)
    value = shown(finding["input"])
    if kind == "string_pattern_mismatch":
        error, wanted = _MALFORMED[finding["ctx"]["pattern"]]
        return Invalid(error, f"{field} is not {wanted}: {value}", pointer)
    if kind == "literal_error":
        return Invalid("unexpected_value", f"{field} is not {finding['ctx']['expected']}: {value}", pointer)
    wanted = _WANTED.get(kind, "valid").format(**finding.get("ctx", {}))
    return Invalid("wrong_type", f"{field} is not {wanted}: {value}", pointer)
