"""From a record's bytes to a JSON object, within the caps that protect every reader behind us."""

from __future__ import annotations

import json
import re
from typing import Any, Final

import orjson

from libs.ledger.invalid import Invalid

MAX_BYTES: Final = 256 * 1024
MAX_DEPTH: Final = 32
MAX_KEYS: Final = 2_000

_STRINGS: Final = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)
_STRUCTURE: Final = b"{}[]:"
_FILLING: Final = bytes(set(range(256)) - set(_STRUCTURE))

Document = dict[str, Any]


def read(value: bytes | None) -> Document:
    """Parse a record; size is judged first, then depth and keys, then the syntax. Raises Invalid."""
    check_caps(value)
    assert value is not None
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as failure:
        raise Invalid("not_json", f"not JSON: {failure}") from None
    if type(document) is not dict:
        raise Invalid("wrong_type", "not a JSON object")
    return document


def check_caps(value: bytes | None) -> None:
    """Refuse what is empty, too large, too deep or has too many keys, before anything parses it."""
    if value is None:
        raise Invalid("no_value", "the record has no value (a tombstone)")
    if len(value) > MAX_BYTES:
        raise Invalid("too_large", f"{len(value)} bytes, more than {MAX_BYTES}")
    # The cheap counts are upper bounds; only a record that may be over a cap is looked at closely.
    if value.count(b"{") + value.count(b"[") > MAX_DEPTH or (
        len(value) > MAX_KEYS and value.count(b":") > MAX_KEYS
    ):
        _check_closely(_structure(value))


def _structure(value: bytes) -> bytes:
    """The brackets and colons that stand outside of strings."""
    outside = _STRINGS.sub(b"", value) if b"\\" in value else b"".join(value.split(b'"')[::2])
    return outside.translate(None, _FILLING)


def _check_closely(structure: bytes) -> None:
    depth = deepest = 0
    for byte in structure.translate(None, b":"):
        if byte in b"{[":
            depth += 1
            if depth > deepest:
                deepest = depth
        else:
            depth -= 1
    if deepest > MAX_DEPTH:
        raise Invalid("too_deep", f"nested {deepest} deep, more than {MAX_DEPTH}")
    keys = structure.count(b":")
    if keys > MAX_KEYS:
        raise Invalid("too_many_keys", f"{keys} keys, more than {MAX_KEYS}")


def read_exactly(value: bytes) -> Document:
    """Parse what ``read`` accepted once more, with every number kept as the sender's literal.

    Only records with extra fields can hold numbers that matter (all documented ones are strings), so
    only they pay for this. The numbers are orjson fragments: good for writing, not for arithmetic.
    """
    document: Document = json.loads(value, parse_int=orjson.Fragment, parse_float=orjson.Fragment)
    return document
