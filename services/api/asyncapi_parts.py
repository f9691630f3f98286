"""What the description of topics and streams is put together from, AsyncAPI 3.0."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

BINDING_VERSION: Final = "0.5.0"
KAFKA_BINDING: Final[Json] = {"kafka": {"bindingVersion": BINDING_VERSION}}


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the description: channels without their servers, and what they refer to."""

    channels: dict[str, Json]
    operations: dict[str, Json]
    messages: dict[str, Json]
    schemas: dict[str, Json]


def schema(name: str) -> Json:
    """A reference to one of the schemas."""
    return {"$ref": f"#/components/schemas/{name}"}


def listed(channel: str, names: Iterable[str]) -> dict[str, Json]:
    """A channel's messages, which stand under their channel's name and their own."""
    return {name: {"$ref": f"#/components/messages/{channel}.{name}"} for name in names}


def operation(channel: str, action: str, names: Iterable[str], bindings: Json | None = None) -> Json:
    """What this program does with some of a channel's messages."""
    at = f"#/channels/{channel}"
    bound = {} if bindings is None else {"bindings": bindings}
    return {
        "action": action,
        "channel": {"$ref": at},
        "messages": [{"$ref": f"{at}/messages/{name}"} for name in names],
        **bound,
    }
