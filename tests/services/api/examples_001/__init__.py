"""The requests and answers that 001 shows, as they stand there, and what of an answer is its own each time."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

import orjson

_FOLDER: Final = Path(__file__).parent
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z")
_DATE: Final = re.compile(r"\d{4}-\d\d-\d\d")
_OWN: Final = {
    "id": _UUID,
    "strategy_id": _UUID,
    "date": _DATE,
    "executed_at": _TIME,
    "inserted_at": _TIME,
    "updated_at": _TIME,
}


def example(name: str) -> bytes:
    """``execute_request``, and the answers ``execute`` and ``show``."""
    return (_FOLDER / f"{name}.json").read_bytes()


def but_for_ids_and_times(body: bytes) -> Any:
    """A document with its members in order, ids and times left out; they have the form that 001 shows."""
    return _left_out(orjson.loads(body))


def _left_out(value: Any) -> Any:
    if isinstance(value, list):
        return [_left_out(one) for one in value]
    if not isinstance(value, dict):
        return value
    for name in _OWN.keys() & value.keys():
        assert _OWN[name].fullmatch(value[name]), (name, value[name])
    return [(name, None if name in _OWN else _left_out(one)) for name, one in value.items()]
