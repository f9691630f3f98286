"""The entries of an agent's streams as the messages of 002 that they were made from. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from libs.contracts.agents import MESSAGES
from libs.ledger.document import Shape, from_hash

_NESTED: Final = frozenset({"tags"})
_NULLABLE: Final = frozenset({"realised_pnl", "journal_ref", "order_ref"})
_SHAPES: Final = {
    event: Shape(tuple(model.model_fields), _NESTED, frozenset()) for event, model in MESSAGES.items()
}


def message(fields: Mapping[str, str]) -> bytes:
    """A message as JSON, numbers as the sender's own digits. Raises KeyError, ValueError for a damaged entry."""
    body = from_hash(fields, _SHAPES[fields["event"]])
    typed = _NESTED | frozenset(body.typed)
    members: dict[str, Any] = {}
    for name, text in body.fields.items():
        as_json = name in typed or (name in _NULLABLE and text == "null")
        members[name] = orjson.Fragment(text) if as_json else text
    return orjson.dumps(members)
