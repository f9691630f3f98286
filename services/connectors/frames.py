"""The frames of 004 as a client reads and writes them. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

import orjson

from libs.contracts.strategies import CHANNEL

MAX_BYTES: Final = 256 * 1024
REPLAY_UNAVAILABLE: Final = "REPLAY_UNAVAILABLE"


@dataclass(frozen=True, slots=True)
class Event:
    """A frame to be passed on as it is; ``seq``, ``ts`` and ``strategy_id`` are None where they are not sound."""

    raw: bytes
    seq: int | None
    ts: str | None
    strategy_id: str | None


@dataclass(frozen=True, slots=True)
class Ack:
    """An answer to a frame of ours; ``id`` is None where the answer names none."""

    ok: bool
    id: str | None
    code: str | None


@dataclass(frozen=True, slots=True)
class Odd:
    """A frame that is neither, and why."""

    why: str


def read(frame: str | bytes) -> Event | Ack | Odd:
    """Tell what a frame is. An object with an event is passed on, sound or not: the fold judges it, visibly."""
    if isinstance(frame, bytes):
        return Odd(f"a binary frame of {len(frame)} bytes")
    raw = frame.encode()
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return Odd(f"not JSON, {len(raw)} bytes")
    if not isinstance(body, dict):
        return Odd("not a JSON object")
    if "event" in body:
        return event_of(raw, body)
    if body.get("op") == "ack":
        code = body.get("code")
        return Ack(body.get("ok") is True, _text(body.get("id")), _text(code))
    return Odd("neither an event nor an ack")


def event_of(raw: bytes, body: dict[str, Any]) -> Event:
    """An event frame, or a record that was one."""
    seq = body.get("seq")
    sound = type(seq) is int and seq >= 0
    return Event(raw, seq if sound else None, _text(body.get("ts")), _text(body.get("strategy_id")))


def answers(ack: Ack, strategy_id: str) -> bool:
    """Whether an ack is that of the one subscription which waits for it.

    A refusal may name nothing (004's own example does not); a consent that names nothing is that of the auth frame.
    """
    return ack.id == strategy_id or (ack.id is None and not ack.ok)


def subscribe(strategy_id: str, since_seq: int | None) -> str:
    """Ask for a strategy's events, or everybody's (``*``), from a number on where there is one."""
    since = {} if since_seq is None else {"since_seq": since_seq}
    return json.dumps({"op": "subscribe", "channel": CHANNEL, "id": strategy_id, **since})


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
