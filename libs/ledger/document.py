"""A source's body as the projection keeps it: canonical JSON that Redis' hash fields can be made from, and back.

Canonical means: documented fields in the source's order, then unknown ones by name; fields that the service
itself adds, and names that begin with ``_``, are left out. The log keeps the body as it came.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from libs.ledger.reading import Document, read_exactly

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


@dataclass(frozen=True, slots=True)
class Body:
    """The last applied body: compact JSON, and the names of its unknown fields.

    ``exact`` says that unknown fields, at whatever depth, may hold numbers whose literals have to be kept.
    """

    json: bytes
    extras: tuple[str, ...] = ()
    exact: bool = False


def canonical(document: Document, shape: Shape, exact: bool = False) -> Body:
    """Bring a validated body into its canonical form; a documented field that is absent becomes null.

    ``exact``: the document was read by ``read_exactly``.
    """
    if tuple(document) == shape.fields:
        return Body(orjson.dumps(document), exact=exact)
    extras = tuple(sorted(k for k in document if k not in shape.fields and not shape.reserves(k)))
    return Body(orjson.dumps({name: document.get(name) for name in (*shape.fields, *extras)}), extras, exact)


def hash_fields(body: Body) -> Fields:
    """The body as hash fields: strings as they are, nested values as JSON, null as ``null``."""
    document: Document = read_exactly(body.json) if body.exact else orjson.loads(body.json)
    fields = {name: value if type(value) is str else _json(value) for name, value in document.items()}
    if body.exact:
        typed = [name for name in body.extras if type(document[name]) is not str]
        fields[_TYPED] = _json(typed)
    return fields


def from_hash(fields: Mapping[str, str], shape: Shape) -> Body:
    """The body that ``hash_fields`` was made from. Raises KeyError where a documented field is missing."""
    extras = tuple(sorted(k for k in fields if k not in shape.fields and not shape.reserves(k)))
    typed = set(orjson.loads(fields.get(_TYPED, "[]")))
    document: Document = {}
    for name in (*shape.fields, *extras):
        is_json = name in typed or name in shape.nested
        document[name] = orjson.Fragment(fields[name]) if is_json else fields[name]
    return Body(orjson.dumps(document), extras, exact=_TYPED in fields)


def _json(value: object) -> str:
    return orjson.dumps(value).decode()
