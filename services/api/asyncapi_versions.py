"""What the description of topics says of versions: commands by their events, and what can be traded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from libs.contracts.inputs import COMMANDS
from libs.contracts.names import Names
from libs.contracts.versions import INSTRUMENTS, Instrument

Json = dict[str, Any]
Refs = Mapping[Any, Json]

SERVICE: Final = "versions"
MODELS: Final[tuple[type[BaseModel], ...]] = (*COMMANDS.values(), Instrument)
EXAMPLE: Final[Json] = {
    "symbol": "NVDA",
    "price": "150.00",
    "ts": "2025-03-10T14:30:00Z",
    "step": "1",
    "minimum": "0",
}


def commands(refs: Refs) -> dict[str, Json]:
    """The messages of ``versions.in`` by their events; ``refs`` are where the models' schemas stand."""
    return {event: {"payload": refs[model, "validation"]} for event, model in COMMANDS.items()}


def instruments(names: Names, refs: Refs) -> Json:
    """The channel of ``instruments.in``."""
    return {
        "address": names.topic(INSTRUMENTS),
        "description": "What can be traded, its price, the step of its quantities and the least value of an order; a "
        "tombstone takes it away. Compacted. Key: the symbol.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {
            "instrument": {"payload": refs[Instrument, "validation"], "examples": [{"payload": EXAMPLE}]}
        },
    }
