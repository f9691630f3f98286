"""In which respect a log record is not what the fold writes. Pure."""

from __future__ import annotations

from typing import Any, Final

from libs.ledger.envelope import parse_log_record
from libs.ledger.records import Outgoing

_SHOWN: Final = 80  # characters


def log_difference(wanted: Outgoing, found: Any) -> str | None:
    """What differs between the record to be written and the one that stands there; None where nothing does."""
    if wanted.value != found.value:
        return _values(wanted.value or b"", found.value or b"")
    if wanted.key != found.key:
        return f"its key is {_shown(found.key)} instead of {_shown(wanted.key)}"
    if wanted.headers != list(found.headers):
        return "its headers differ"
    return None


def _values(wanted: bytes, found: bytes) -> str:
    one, other = parse_log_record(wanted), parse_log_record(found)
    names = [*one.attributes, *(name for name in other.attributes if name not in one.attributes)]
    parts = [
        f"{name} is {_shown(other.attributes.get(name))} instead of {_shown(one.attributes.get(name))}"
        for name in names
        if one.attributes.get(name) != other.attributes.get(name)
    ]
    if one.data != other.data:
        parts.append("data differs from the input's")
    return ", ".join(parts) or "the same content in other bytes"


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "…"
