"""The plain form of messages: one pattern over their bytes that only valid messages match.

Senders write their documented fields in the documented order, compact and without escapes. A match takes half the time
of a full validation, and such bytes are their own canonical JSON. What does not match is not wrong, but has to be
looked at in full.
"""

from __future__ import annotations

import re
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, get_args, get_origin, get_type_hints

from pydantic import BaseModel, StringConstraints
from pydantic.fields import FieldInfo

Plain = re.Match[bytes]  # its named groups are the fields at the top that hold lists

_TEXT: Final = r'"[^"\\\x00-\x1f]*+"'
_GROUP: Final = re.compile(r"\((?!\?)")


def plain_form(*models: type[BaseModel]) -> re.Pattern[bytes]:
    """The pattern of any of these models, for ``fullmatch`` on bytes that are JSON; its work grows with their length.

    Their fields are texts, lists and models; those at the top are all required. What is null, unknown or in another
    order does not match. Raises TypeError for a field of another type, or with rules that no pattern tells.
    """
    for model in models:
        for name, field in model.model_fields.items():
            if not field.is_required():
                raise TypeError(f"no plain form of {model.__name__}: {name} may be absent")
    return re.compile("|".join(_object(model, "?P<{}>") for model in models).encode())


def _object(model: type[BaseModel], group: str = "?:") -> str:
    hints = get_type_hints(model, include_extras=True)
    members = ""
    for name, field in model.model_fields.items():
        if field.alias is not None or field.metadata != FieldInfo.from_annotation(hints[name]).metadata:
            raise TypeError(f"no plain form of {model.__name__}: {name} has an alias or rules of its own")
        value = _value(hints[name])
        if get_origin(hints[name]) is list:
            value = f"({group.format(name)}{value})"
        member = f'{"," if members else ""}"{re.escape(name)}":{value}'
        members += member if field.is_required() else f"(?:{member})?"
    return rf"\{{{members}\}}"


def _value(hint: Any) -> str:
    kind, arguments = get_origin(hint), get_args(hint)
    if kind is Annotated:
        return _text(*arguments)
    if kind is list:
        return rf"\[(?:{_value(arguments[0])},?)*+\]"  # where commas belong, JSON itself has seen to
    if kind is Literal:
        return "|".join(f'"{re.escape(one)}"' for one in arguments).join(("(?:", ")"))
    if kind in (Union, UnionType):
        (known,) = (one for one in arguments if one is not type(None))
        return _value(known)
    if isinstance(hint, type) and issubclass(hint, BaseModel):
        return _object(hint)
    raise TypeError(f"no plain form of {hint}")


def _text(kind: Any, *rules: Any) -> str:
    pattern = rules[0].pattern if isinstance(rules[0], StringConstraints) else None
    if kind is not str or rules != (StringConstraints(strict=True, pattern=pattern),):
        raise TypeError(f"no plain form of {kind} with {rules}")
    if pattern is None:
        return _TEXT
    inner = str(pattern).removeprefix("^").removesuffix("$")
    return f'"(?:{_GROUP.sub("(?:", inner)})"'
