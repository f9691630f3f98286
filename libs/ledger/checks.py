"""Checks that a pattern can't express, in words that name the field. All raise Invalid."""

from __future__ import annotations

import re
from typing import Final

from libs.contracts.fields import TIME_PATTERN, UUID_PATTERN
from libs.ledger.invalid import Invalid, shown
from libs.ledger.reading import Document
from libs.ledger.times import milliseconds

_UUID: Final = re.compile(UUID_PATTERN)
_TIME: Final = re.compile(TIME_PATTERN)


def is_uuid(value: object) -> bool:
    """Whether a value is a UUID in its plain form, in either case."""
    return isinstance(value, str) and _UUID.fullmatch(value) is not None


def uuid_of(document: Document, field: str) -> str:
    """The UUID in a field of the top level, in lower case."""
    if field not in document:
        raise Invalid("missing_field", f"{field} is missing", f"/{field}")
    value = document[field]
    if not isinstance(value, str):
        raise Invalid("wrong_type", f"{field} is not a string: {shown(value)}", f"/{field}")
    if not is_uuid(value):
        raise Invalid("malformed_uuid", f"{field} is not a UUID: {shown(value)}", f"/{field}")
    return value.lower()


def readable_time(value: object) -> int | None:
    """The instant in ms that a field of a record nobody validated says, if it does."""
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        return None
    try:
        return milliseconds(value)
    except ValueError:
        return None


def check_time(text: str, pointer: str) -> None:
    """Refuse a day that no calendar has, such as 30 February."""
    try:
        milliseconds(text)
    except ValueError:
        raise Invalid("malformed_time", f"no such time: {shown(text)}", pointer) from None
