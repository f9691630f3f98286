"""Whether a schema still does for those who rely on the released one. Pure.

A message that others write must not be refused that was taken before: the new schema has to allow all that the old one
did. What we write must not surprise those who read it: the old schema has to allow all that the new one does. A field
that is no longer named is a loss either way: it isn't looked at any more, or no longer there.

Fields that come along are no loss: extra fields are always allowed, and left aside by who does not know them. A pattern
that changed counts as narrower, whatever it allows, for a person to judge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from libs.ledger.schemas import IN

Json = Mapping[str, Any]

_TYPES: Final = ("array", "boolean", "integer", "null", "number", "object", "string")
_LEAST: Final = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_MOST: Final = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_SENT: Final = "the new schema {}, and those who send it are refused"
_READ: Final = "the released schema {}, and those who read it expect that"


def losses(released: Mapping[str, Json], present: Mapping[str, Json]) -> list[str]:
    """What is lost of released schemas, by their paths, a line each with the path, the field and the reason."""
    found = []
    for path, old in sorted(released.items()):
        new = present.get(path)
        if new is None:
            found.append(f"{path}: was removed")
            continue
        coming = path.startswith(f"{IN}/")
        wide, narrow = (new, old) if coming else (old, new)
        removed = [f"{at}: is no longer named" for at in _removed(_Side(old), _Side(new), "")]
        said = _SENT if coming else _READ
        less = [f"{at}: {said.format(what)}" for at, what in _refused(_Side(wide), _Side(narrow), "")]
        found += [f"{path}: {one}" for one in dict.fromkeys([*removed, *less])]
    return found


class _Side:
    """A schema with the definitions that its references point to."""

    def __init__(self, schema: Json, definitions: Json | None = None) -> None:
        self.definitions: Json = schema.get("$defs", {}) if definitions is None else definitions
        while "$ref" in schema:
            target = self.definitions[schema["$ref"].rpartition("/")[2]]
            schema = {**target, **{name: one for name, one in schema.items() if name != "$ref"}}
        self.schema = schema

    def inside(self, schema: Json) -> _Side:
        return _Side(schema, self.definitions)

    def branches(self) -> list[_Side]:
        for name in ("anyOf", "oneOf"):
            if name in self.schema:
                return [branch for one in self.schema[name] for branch in self.inside(one).branches()]
        return [self]

    def field(self, name: str) -> _Side | None:
        found = self.schema.get("properties", {}).get(name)
        return None if found is None else self.inside(found)

    def values(self) -> list[Any] | None:
        if "const" in self.schema:
            return [self.schema["const"]]
        return self.schema.get("enum")

    def types(self) -> set[str]:
        named = self.schema.get("type", _TYPES)
        types = {named} if isinstance(named, str) else set(named)
        return types | {"integer"} if "number" in types else types


def _removed(old: _Side, new: _Side, at: str) -> Iterator[str]:
    """Fields that the old one names and the new one does not, at any depth."""
    fields = {name for branch in old.branches() for name in branch.schema.get("properties", {})}
    for name in sorted(fields):
        before = [one for branch in old.branches() if (one := branch.field(name)) is not None]
        after = [one for branch in new.branches() if (one := branch.field(name)) is not None]
        if not after:
            yield f"{at}/{name}"
        else:
            yield from _removed(before[0], after[0], f"{at}/{name}")
    lists = ([one for one in side.branches() if "items" in one.schema] for side in (old, new))
    for was, now in zip(*lists, strict=False):
        yield from _removed(was.inside(was.schema["items"]), now.inside(now.schema["items"]), f"{at}/*")


def _refused(wide: _Side, narrow: _Side, at: str) -> Iterator[tuple[str, str]]:
    """Where ``wide`` does not allow what ``narrow`` does, and why."""
    for branch in narrow.branches():
        answers = [list(_differences(one, branch, at)) for one in wide.branches()]
        if all(answers):
            yield from min(answers, key=len)


def _differences(wide: _Side, narrow: _Side, at: str) -> Iterator[tuple[str, str]]:
    here = at or "/"
    values, of = wide.values(), narrow.values()
    if values is not None and (of is None or not all(one in values for one in of)):
        yield here, f"takes only {values}"
    if of is None and (lacking := narrow.types() - wide.types()):
        yield here, f"takes no {' or '.join(sorted(lacking))}"
    for name in ("pattern", "format"):
        if name in wide.schema and of is None and wide.schema[name] != narrow.schema.get(name):
            yield here, f"has another {name}"
    yield from _bounds(wide.schema, narrow.schema, here)
    for name in sorted(set(wide.schema.get("required", ())) - set(narrow.schema.get("required", ()))):
        yield f"{at}/{name}", "needs it"
    for name in sorted(narrow.schema.get("properties", {})):
        inner, asked = wide.field(name), narrow.field(name)
        assert asked is not None
        if inner is not None:
            yield from _refused(inner, asked, f"{at}/{name}")
        elif wide.schema.get("additionalProperties", True) is False:
            yield f"{at}/{name}", "does not know it"
    yield from _inner(wide, narrow, at)


def _bounds(wide: Json, narrow: Json, here: str) -> Iterator[tuple[str, str]]:
    for name in (*_LEAST, *_MOST):
        limit, of = wide.get(name), narrow.get(name)
        tighter = limit is not None and (of is None or (of < limit if name in _LEAST else of > limit))
        if tighter:
            yield here, f"has {name} {limit}"


def _inner(wide: _Side, narrow: _Side, at: str) -> Iterator[tuple[str, str]]:
    """Items of arrays, and the values of objects whose names are free."""
    for name in ("items", "additionalProperties"):
        allowed, asked = wide.schema.get(name, True), narrow.schema.get(name, True)
        if allowed is True or asked is False:
            continue
        if allowed is False:
            yield at or "/", "takes no extra fields"
        elif asked is True:
            yield f"{at}/*", "does not take everything"
        else:
            yield from _refused(wide.inside(allowed), narrow.inside(asked), f"{at}/*")
