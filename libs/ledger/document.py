"""A source's body as the projection keeps it: canonical JSON that Redis' hash fields can be made from, and back.

Canonical means: documented fields in the source's order, then unknown ones by name; fields that the service
itself adds, and names that begin with ``_``, are left out. The log keeps the body as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import orjson

from libs.contracts.plain import Plain
from libs.ledger.reading import Document

Fields = dict[str, str]

BOOKKEEPING: Final = frozenset({"sequence", "disputed", "first_recorded_at", "last_recorded_at"})
_TYPED: Final = "_json"  # names the unknown fields whose value is not a plain string


@dataclass(frozen=True, slots=True)
class Shape:
    """A projection's documented fields in order, those among them that are not strings, and what a service adds."""

    fields: tuple[str, ...]
    nested: frozenset[str]
    added: frozenset[str]

    def reserves(self, name: str) -> bool:
        """Whether an unknown field of this name has no place in the projection."""
        return name in self.added or name in BOOKKEEPING or name.startswith("_")


@dataclass(slots=True)
class Body:
    """The last applied body as text: strings as they are, everything else as JSON.

    ``typed`` names the unknown fields whose value is not a plain string. ``json`` is all of it as JSON, where that was
    at hand.
    """

    fields: Fields
    typed: tuple[str, ...] = ()
    json: bytes | None = field(default=None, compare=False)


def canonical(document: Document, shape: Shape, plain: Plain | None = None) -> Body:
    """Bring a validated body into its canonical form; a documented field that is absent becomes null."""
    if plain is not None:  # nothing has to be encoded: the bytes are at hand
        fields = dict(document)
        for name in shape.nested:
            fields[name] = plain[name].decode()
        return Body(fields, json=plain.string)
    if tuple(document) == shape.fields:
        return Body({name: value if type(value) is str else _json(value) for name, value in document.items()})
    extras = sorted(k for k in document if k not in shape.fields and not shape.reserves(k))
    chosen = {name: document.get(name) for name in (*shape.fields, *extras)}
    fields = {name: value if type(value) is str else _json(value) for name, value in chosen.items()}
    return Body(fields, tuple(name for name in extras if type(document[name]) is not str))


def nothing_known(shape: Shape, **known: str | None) -> Fields:
    """The documented fields of an entity without a body: null but for what is known."""
    return {name: known.get(name) or "null" for name in shape.fields}


def hash_fields(body: Body) -> Fields:
    """The body as hash fields, not to be changed: strings as they are, nested values as JSON, null as ``null``."""
    return body.fields | {_TYPED: _json(body.typed)} if body.typed else body.fields


def optional_fields(body: Body, shape: Shape) -> frozenset[str]:
    """The hash fields that another body of the same entity may not have."""
    if len(body.fields) == len(shape.fields):
        return frozenset()
    extras = frozenset(body.fields) - frozenset(shape.fields)
    return extras | {_TYPED} if body.typed else extras


def as_json(fields: Fields, typed: frozenset[str]) -> bytes:
    """Fields in their order as a JSON object; ``typed`` names those whose text is JSON already."""
    members: dict[str, object] = dict(fields)
    for name in typed & fields.keys():
        members[name] = orjson.Fragment(fields[name])
    return orjson.dumps(members)


def body_json(body: Body, shape: Shape) -> bytes:
    """The body as a JSON object."""
    return as_json(body.fields, shape.nested.union(body.typed)) if body.json is None else body.json


def from_hash(fields: Mapping[str, str], shape: Shape) -> Body:
    """The body that ``hash_fields`` was made from. Raises KeyError where a documented field is missing."""
    extras = sorted(k for k in fields if k not in shape.fields and not shape.reserves(k))
    typed = tuple(orjson.loads(fields[_TYPED])) if _TYPED in fields else ()
    return Body({name: fields[name] for name in (*shape.fields, *extras)}, typed)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
