"""From a log record to what a subscriber is shown: the source's own bytes, but for numbers. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import orjson

from libs.contracts.agents import CLOCK_EVENT, NUMBERS
from libs.ledger.envelope import Logged
from libs.ledger.verdict import Verdict
from services.api.streams.wire import text_frame

SEQUENCE: Final = "accountsequence"  # of a log record of strategies that is a frame
_TOLD: Final = (Verdict.APPLIED, Verdict.LATE)

_SPACE: Final = re.compile(r"[ \t\n\r]*")
# Only where a value ends matters, so no number is made of its digits.
_VALUES: Final = json.JSONDecoder(parse_int=str, parse_float=str)


@dataclass(frozen=True, slots=True)
class Frame:
    """What subscribers of an account are shown under ``seq``; ``at`` is the log record's time in ms."""

    seq: int
    strategy_id: str
    at: int
    wire: bytes


def status_frame(logged: Logged, at: int) -> tuple[str, Frame] | None:
    """The account and its frame of a log record of strategies; None where subscribers are shown nothing."""
    seq = logged.attributes.get(SEQUENCE)
    if seq is None:
        return None
    account: str = logged.attributes["partitionkey"]
    strategy_id: str = logged.attributes["subject"][len(account) + 1 :]
    return account, Frame(seq, strategy_id, at, text_frame(numbered(logged.data, seq)))


def agent_message(logged: Logged) -> tuple[str, bytes] | None:
    """The agent and its message, its numbers as strings; None where subscribers are shown nothing."""
    if logged.verdict not in _TOLD:
        return None
    message = orjson.loads(logged.data)
    if message["event"] == CLOCK_EVENT:
        return None
    numbers = [
        name for name in NUMBERS.get(message["event"], ()) if isinstance(message.get(name), int | float)
    ]
    return logged.attributes["subject"], text_frame(worded(logged.data, numbers) if numbers else logged.data)


def numbered(envelope: bytes, seq: int) -> bytes:
    """The same JSON object with another ``seq``, everything else byte for byte."""
    text = envelope.decode()
    done, parts = 0, []
    for name, start, end in _members(text):
        if name == "seq":
            parts += [text[done:start], str(seq)]
            done = end
    return "".join([*parts, text[done:]]).encode()


def worded(message: bytes, names: Collection[str]) -> bytes:
    """The same JSON object with some numbers as strings of the same digits, everything else byte for byte."""
    text = message.decode()
    done, parts = 0, []
    for name, start, end in _members(text):
        if name in names:
            parts += [text[done:start], f'"{_digits(text[start:end])}"']
            done = end
    return "".join([*parts, text[done:]]).encode()


def _digits(literal: str) -> str:
    """A JSON number without an exponent."""
    return format(Decimal(literal), "f") if "e" in literal.lower() else literal


def _members(text: str) -> Iterator[tuple[str, int, int]]:
    """The names of an object, each with where its value begins and ends."""
    at = _past_space(text, _past_space(text, 0) + 1)
    while text[at] != "}":
        name, at = _VALUES.raw_decode(text, at)
        start = _past_space(text, _past_space(text, at) + 1)
        _, at = _VALUES.raw_decode(text, start)
        yield name, start, at
        at = _past_space(text, at)
        if text[at] == ",":
            at = _past_space(text, at + 1)


def _past_space(text: str, at: int) -> int:
    found = _SPACE.match(text, at)
    assert found is not None  # it matches nothing as well
    return found.end()
