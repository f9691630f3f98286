"""The facts of agents: the messages of their stream (002), and time."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any, Final

import orjson
from pydantic import ValidationError

from libs.contracts.agents import MESSAGES, NUMBERS, Unknown
from libs.contracts.fields import LONG_AMOUNT_PATTERN
from libs.ledger.checks import check_time
from libs.ledger.digest import digest
from libs.ledger.fact import Fact, Identity
from libs.ledger.invalid import Invalid, from_validation, shown
from libs.ledger.reading import Document, read_exactly
from libs.ledger.times import milliseconds

_AMOUNT: Final = re.compile(LONG_AMOUNT_PATTERN)
_EXPONENT: Final = re.compile(r"[eE][+-]?0*([0-9]{1,3})$")  # none that would write out thousands of zeros
_RESERVED: Final = (
    ":log",
    ":equity",
    ":trades",
    ":journal",
    ":blocks",
)  # keys that belong to another agent's
# What a message is known by, where that is not all of its content: a repeated one may be worded otherwise.
_KNOWN_BY: Final = {"journal_entry": "id", "trade": "journal_ref"}


def identify(document: Document, key: bytes | None) -> Identity:
    """An agent is known by the record's key alone: the messages of 002 do not name it. Raises Invalid."""
    if not key:
        raise Invalid("missing_key", "the record has no key, which would be the agent's id")
    try:
        agent_id = key.decode()
    except UnicodeDecodeError:
        raise Invalid("malformed_key", f"the record's key is not UTF-8: {key[:80]!r}") from None
    if agent_id.endswith(_RESERVED):
        raise Invalid(
            "malformed_key", f"an agent's id must not end with {' or '.join(_RESERVED)}: {shown(agent_id)}"
        )
    return Identity(agent_id, agent_id, None)


def validate(document: Document) -> None:
    """Refuse what 002 does not allow; an unknown event needs a name and a time. Raises Invalid."""
    event = document.get("event")
    try:
        (MESSAGES.get(event, Unknown) if isinstance(event, str) else Unknown).model_validate(document)
    except ValidationError as failure:
        raise from_validation(failure) from None
    check_time(document["ts"], "/ts")
    if event == "demotion" and document["locked_until"] is not None:
        check_time(document["locked_until"], "/locked_until")


def observe(document: Document, value: bytes) -> Fact:
    """The fact in a valid message, its numbers as the literals that the sender wrote. Raises Invalid."""
    event = document["event"]
    body = document
    if not all(type(one) is str for one in document.values()):
        body = read_exactly(value)
        for field in NUMBERS.get(event, ()):
            body[field] = _digits(body[field], field)
    known_by = _KNOWN_BY.get(event)
    if known_by is not None and document[known_by] is not None:
        one = digest({"event": event, known_by: document[known_by]})
    else:
        one = digest(body)
    return Fact(milliseconds(document["ts"]), body, one)


def _digits(value: Any, field: str) -> str | None:
    """A number or a decimal string as text with all its digits; an exponent is written out."""
    if value is None or isinstance(value, str):
        return value
    text = orjson.dumps(value).decode()
    if _EXPONENT.search(text):
        text = format(Decimal(text), "f")
    if _AMOUNT.fullmatch(text) is None:
        raise Invalid(
            "malformed_amount",
            f"{field} is not a decimal of at most 18 digits before the point and 40 after it: {shown(text)}",
            f"/{field}",
        )
    return text
