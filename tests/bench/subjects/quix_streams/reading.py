"""From a record's bytes to a body that can be folded, or to why not."""

from __future__ import annotations

import json
import re
from itertools import accumulate
from typing import Any, Final

import orjson
from pydantic import TypeAdapter, ValidationError

from tests.bench.subjects.quix_streams.contract import (
    AMOUNT,
    EXECUTED,
    FIELDS,
    FILL,
    INSTRUCTION_FIELDS,
    TIME,
    UUID,
    UUID_OR_EMPTY,
    Document,
    StatusChanged,
)
from tests.bench.subjects.quix_streams.times import in_utc

_MAX_BYTES: Final = 256 * 1024
_MAX_DEPTH: Final = 32
_MAX_KEYS: Final = 2_000
_STRINGS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"?', re.DOTALL)
_STEPS: Final = {**dict.fromkeys(b"{[", 1), **dict.fromkeys(b"}]", -1)}
_MALFORMED: Final = {
    AMOUNT: "malformed_amount",
    TIME: "malformed_time",
    UUID: "malformed_uuid",
    UUID_OR_EMPTY: "malformed_uuid",
}
_CONTRACT: Final = TypeAdapter(StatusChanged)
_ID: Final = re.compile(UUID)


class Refused(Exception):
    """A record that can't be folded: a code, words, and a JSON Pointer to what is at fault."""

    def __init__(self, error: str, detail: str, pointer: str = "", body: Any = None) -> None:
        super().__init__(detail)
        self.error, self.detail, self.pointer = error, detail, pointer
        named = body.get("id") if type(body) is dict else None
        self.id = named.lower() if type(named) is str and _ID.fullmatch(named) else None
        """Whose it is nevertheless, where that can be told."""


def read(value: bytes | None) -> Document:
    """The body as it is to be folded: with numbers as they were written, and no reason instead of null for none.

    Raises Refused.
    """
    _check_caps(value)
    assert value is not None
    try:
        body: Document = _CONTRACT.validate_json(value)  # type: ignore[assignment]
    except ValidationError as failure:
        raise _refusal(value, failure) from None
    try:
        extras = _check_times_and_fills(body)
    except Refused as refused:
        raise Refused(refused.error, refused.detail, refused.pointer, body) from None
    if extras:
        _parsed(value)  # what pydantic is lenient with, such as NaN, can only be in these
        body = json.loads(value, parse_int=orjson.Fragment, parse_float=orjson.Fragment)
    for told in (body, *body["instructions"]):
        if told["status_reason"] is None:
            told["status_reason"] = ""
    return body


def _check_caps(value: bytes | None) -> None:
    if value is None:
        raise Refused("no_value", "the record has no value")
    if len(value) > _MAX_BYTES:
        raise Refused("too_large", f"{len(value)} bytes")
    # Counting is quick and never too low; only what may be over a cap is looked at closely.
    if value.count(b"{") + value.count(b"[") > _MAX_DEPTH or value.count(b":") > _MAX_KEYS:
        bare = _STRINGS.sub(b"", value)
        if max(accumulate(_STEPS.get(byte, 0) for byte in bare)) > _MAX_DEPTH:
            raise Refused("too_deep", f"nested more than {_MAX_DEPTH} deep")
        if bare.count(b":") > _MAX_KEYS:
            raise Refused("too_many_keys", f"more than {_MAX_KEYS} keys")


def _parsed(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as failure:
        raise Refused("not_json", str(failure)) from None


def _refusal(value: bytes, failure: ValidationError) -> Refused:
    """The first of pydantic's findings as the contract has it."""
    body = _parsed(value)
    finding = failure.errors(include_url=False)[0]
    error = "missing_field" if finding["type"] == "missing" else "wrong_type"
    if finding["type"] == "string_pattern_mismatch":
        error = _MALFORMED[finding["ctx"]["pattern"]]
    pointer = "".join(f"/{step}" for step in finding["loc"])
    return Refused(error, finding["msg"], pointer, body)


def _check_times_and_fills(body: Document) -> bool:
    """What patterns can't say; whether there are fields that the contract doesn't name."""
    extras = len(body) > len(FIELDS)
    _check_time(body["created_at"], "/created_at")
    _check_time(body["updated_at"], "/updated_at")
    for index, instruction in enumerate(body["instructions"]):
        extras = extras or not instruction.keys() <= INSTRUCTION_FIELDS
        if instruction["status"] == EXECUTED:
            for name in FILL:
                if instruction.get(name) is None:
                    pointer = f"/instructions/{index}/{name}"
                    raise Refused("missing_field", "an executed instruction lacks it", pointer)
        executed_at = instruction.get("executed_at")
        if executed_at is not None:
            _check_time(executed_at, f"/instructions/{index}/executed_at")
    return extras


def _check_time(text: str, pointer: str) -> None:
    try:
        in_utc(text)
    except ValueError:
        raise Refused("malformed_time", "no calendar has such a day", pointer) from None
