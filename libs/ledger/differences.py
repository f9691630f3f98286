"""Where a body says otherwise than another one: its fields as JSON Pointers (RFC 6901). Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final

from libs.ledger.document import Body, Shape

_NONE: Final = object()  # no member, which is not the same as null
MOST: Final = 20  # pointers: an event is to be read, the history has the rest


def differing(held: Body, said: Body, shape: Shape) -> list[str]:
    """Pointers to what two canonical bodies say differently, in their order, no more than ``MOST``."""
    found: list[str] = []
    for name in dict.fromkeys((*said.fields, *held.fields)):
        if (held.fields.get(name), name in held.typed) != (said.fields.get(name), name in said.typed):
            found += _pointers(f"/{_escaped(name)}", _member(held, shape, name), _member(said, shape, name))
    return found[:MOST]


def _member(body: Body, shape: Shape, name: str) -> Any:
    """A field's value, numbers as the sender's literals; None where there is none."""
    text = body.fields.get(name)
    if text is None or not (name in shape.nested or name in body.typed):
        return text
    return json.loads(text, parse_int=_literal, parse_float=_literal)


def _literal(digits: str) -> tuple[str, str]:
    return ("number", digits)  # equal to no string


def _pointers(path: str, held: Any, said: Any) -> Iterator[str]:
    parts = _parts(held, said)
    if parts is None:
        yield path
        return
    for name, one, other in parts:
        if one != other:
            yield from _pointers(f"{path}/{_escaped(name)}", one, other)


def _parts(held: Any, said: Any) -> list[tuple[str, Any, Any]] | None:
    """The parts of both by name, or by place in lists of one length; None where there is nothing to look into."""
    match held, said:
        case dict(), dict():
            return [
                (name, held.get(name, _NONE), said.get(name, _NONE)) for name in dict.fromkeys((*said, *held))
            ]
        case list(), list() if len(held) == len(said):
            return [(str(n), one, other) for n, (one, other) in enumerate(zip(held, said, strict=True))]
        case _:
            return None


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
