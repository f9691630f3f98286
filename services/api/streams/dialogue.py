"""What a client of 004's stream may say, and how it is answered. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import orjson

from libs.contracts.strategies import CHANNEL
from services.api.streams.codes import Code
from services.api.streams.limits import ID_LENGTH
from services.api.streams.wire import text_frame

_LARGEST_SEQ: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Auth:
    """``auth``: its fields as the client sent them, of whatever type."""

    api_key: object
    timestamp: object
    signature: object


@dataclass(frozen=True, slots=True)
class Subscribe:
    """``subscribe``: to one strategy, or to all of the account by ``*``; replayed after ``since_seq``."""

    id: str
    since_seq: int | None


@dataclass(frozen=True, slots=True)
class Unsubscribe:
    """``unsubscribe``: from what was subscribed to by the same id."""

    id: str


@dataclass(frozen=True, slots=True)
class Bad:
    """A frame that can't be done; ``echo`` is what it said of channel and id."""

    code: Code
    echo: tuple[tuple[str, Any], ...] = ()


Said = Auth | Subscribe | Unsubscribe | Bad


def read(text: str) -> Said:
    """What a text frame says."""
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        return Bad(Code.BAD_FRAME)
    if not isinstance(frame, dict):
        return Bad(Code.BAD_FRAME)
    op, echo = frame.get("op"), _echo(frame)
    if not isinstance(op, str):
        return Bad(Code.BAD_FRAME, echo)
    if op == "auth":
        return Auth(frame.get("api_key"), frame.get("timestamp"), frame.get("signature"))
    if op not in ("subscribe", "unsubscribe"):
        return Bad(Code.UNKNOWN_OP, echo)
    if frame.get("channel") != CHANNEL:
        return Bad(Code.UNKNOWN_CHANNEL, echo)
    name = frame.get("id")
    if not isinstance(name, str) or not 0 < len(name) <= ID_LENGTH:
        return Bad(Code.INVALID_ID, echo)
    if op == "unsubscribe":
        return Unsubscribe(name)
    since = frame.get("since_seq")
    # a bool is an int in Python, but no number in JSON
    if "since_seq" in frame and (type(since) is not int or not 0 <= since <= _LARGEST_SEQ):
        return Bad(Code.INVALID_SINCE_SEQ, echo)
    return Subscribe(name, since)


def acknowledged(name: str) -> bytes:
    """The wire frame that says yes."""
    return text_frame(orjson.dumps({"op": "ack", "channel": CHANNEL, "id": name, "ok": True}))


def refused(code: Code, echo: tuple[tuple[str, Any], ...]) -> bytes:
    """The wire frame that says no."""
    return text_frame(orjson.dumps({"op": "ack", **dict(echo), "ok": False, "code": code}))


def echo_of(name: str) -> tuple[tuple[str, Any], ...]:
    """Channel and id of a frame that was well-formed."""
    return ("channel", CHANNEL), ("id", name)


def _echo(frame: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    """Channel and id as the client said them, so far as that is not a way to make us say much."""
    return tuple((name, frame[name]) for name in ("channel", "id") if name in frame and _short(frame[name]))


def _short(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= ID_LENGTH
    return value is None or isinstance(value, bool | int | float)
