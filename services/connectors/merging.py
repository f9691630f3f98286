"""An agent's stream and what its REST endpoints answer, told apart and put in order. Pure."""

from __future__ import annotations

import json
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha1
from typing import Any, Final

import orjson

from libs.ledger.digest import digest
from libs.ledger.reading import read_exactly
from libs.ledger.times import milliseconds
from services.connectors.ports import LARGEST

# The endpoints, and the event of an item that doesn't say; blocks are of two kinds, told apart by their own event.
ENDPOINTS: Final = {
    "equity": "snapshot",
    "trades": "trade",
    "journal": "journal_entry",
    "risk/blocks": "risk_veto",
}
_KNOWN_BY: Final = {"journal_entry": "id", "trade": "journal_ref"}
_REMEMBERED: Final = 20_000


@dataclass(frozen=True, slots=True)
class Message:
    """A message of 002 as it goes to Kafka; ``at`` in ms, 0 where its time can't be read."""

    raw: bytes
    at: int
    mark: bytes
    """Equal for messages that are the same fact."""


class WrongPage(ValueError):
    """An endpoint answered something that is no list."""


class Sent:
    """What Kafka has of an agent, as far back as is of use."""

    def __init__(self) -> None:
        self._marks: OrderedDict[bytes, None] = OrderedDict()

    def add(self, message: Message) -> None:
        """Kafka has it."""
        self._marks[message.mark] = None
        self._marks.move_to_end(message.mark)
        if len(self._marks) > _REMEMBERED:
            self._marks.popitem(last=False)

    def __contains__(self, message: Message) -> bool:
        return message.mark in self._marks


def message(raw: bytes) -> Message | None:
    """A frame or a record as a message; None where it is not an object with an event."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(body, dict) or "event" not in body:
        return None
    return _message(raw, body)


def page(answer: bytes, endpoint: str) -> tuple[list[Message], str | None]:
    """The messages of an endpoint's answer as they stand in it, and the cursor of the next page. Raises WrongPage."""
    try:
        exact: Any = read_exactly(answer)
    except (ValueError, RecursionError):
        raise WrongPage("not JSON") from None
    items = exact.get("data") if isinstance(exact, dict) else exact
    if not isinstance(items, list):
        raise WrongPage("no list")
    cursor = exact.get("next_cursor") if isinstance(exact, dict) else None
    found = []
    for item in items:
        if not isinstance(item, dict):
            raise WrongPage("an item is not an object")
        raw = orjson.dumps(item if "event" in item else {"event": ENDPOINTS[endpoint], **item})
        found.append(_message(raw, json.loads(raw)))
    return found, cursor if isinstance(cursor, str) and cursor else None


def new(pages: Iterable[Message], sent: Sent) -> list[Message]:
    """What Kafka does not have yet, oldest first, each once; of the same time in the order given.

    What is too large for a record is left out: no stream would have brought it either.
    """
    fresh = {one.mark: one for one in pages if one not in sent and len(one.raw) <= LARGEST}
    return sorted(fresh.values(), key=lambda one: one.at)


def worth_more(found: Iterable[Message], sent: Sent) -> bool:
    """Whether the page after this one may hold something new: not where all of this one is known."""
    return any(one not in sent for one in found)


def _message(raw: bytes, body: dict[str, Any]) -> Message:
    event = body["event"]
    known_by = _KNOWN_BY.get(event) if isinstance(event, str) else None
    name = body.get(known_by) if known_by else None
    try:
        mark = digest({"event": event, "of": name} if name else read_exactly(raw))
    except (TypeError, RecursionError):  # nested too deep to be put in order: the bytes have to do
        mark = sha1(raw, usedforsecurity=False).digest()
    try:
        at = milliseconds(body["ts"])
    except (KeyError, ValueError, AttributeError, TypeError):
        at = 0
    return Message(raw, at, mark)
