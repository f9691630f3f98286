"""The JSON Schemas of all that goes through topics: messages in, log records, derived events, documents. Pure."""

from __future__ import annotations

from typing import Final

from libs.contracts.derived import EVENTS
from libs.contracts.inputs import INPUTS
from libs.contracts.schema_parts import MAYBE, TEXT, TIME, Json
from libs.contracts.states import STATES
from libs.contracts.traceparent import TRACEPARENT
from libs.ledger.letters import OURS
from libs.ledger.verdict import Verdict

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
IN, OUT = "in", "out"
"""What others write and we read; what we write and others read."""

_ENVELOPE: Final[Json] = {
    "specversion": {"const": "1.0"},
    "id": {"type": "string", "format": "uuid"},
    "type": TEXT,
    "source": TEXT,
    "subject": MAYBE,
    "time": {"type": ["string", "null"], "format": "date-time"},
    "recordedtime": TIME,
    "sequence": {"type": ["integer", "null"], "minimum": 1},
    "partitionkey": MAYBE,
    "correlationid": MAYBE,
    "causationid": MAYBE,
    "datacontenttype": TEXT,
    TRACEPARENT: {
        "type": "string",
        "pattern": "^00-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$",
        "description": "That of the input record, where that has a sampled one.",
    },
}
_OPTIONAL: Final = (TRACEPARENT, "accountsequence")


def _object(properties: dict[str, Json]) -> Json:
    required = [name for name in properties if name not in _OPTIONAL]
    return {"type": "object", "properties": properties, "required": required}


LOG_RECORD: Final = _object(
    {
        **_ENVELOPE,
        "inputtopic": TEXT,
        "inputpartition": {"type": "integer", "minimum": 0},
        "inputoffset": {"type": "integer", "minimum": 0},
        "previousinputoffset": {"type": "integer", "minimum": -1},
        "verdict": {"enum": [one.value for one in Verdict]},
        "accountsequence": {
            "type": "integer",
            "minimum": 1,
            "description": "Of strategies: the seq that subscribers are shown.",
        },
        "data": {"type": ["object", "null"]},
    }
)
DERIVED_EVENT: Final = _object(
    {
        **_ENVELOPE,
        "subject": TEXT,
        "sequence": {"type": "integer", "minimum": 1},
        "data": {"type": "object"},
    }
)
LETTER_HEADERS: Final[Json] = {
    **_object({**dict.fromkeys(OURS, TEXT), "at": TIME}),
    "description": "Why an input was refused, and where it lay (topic/partition/offset); its own headers follow.",
}


def event(name: str) -> Json:
    """A derived event's whole record."""
    properties = DERIVED_EVENT["properties"]
    data = dict(EVENTS[name])
    definitions = data.pop("$defs", None)
    exact = {**properties, "type": {"const": f"stratafold.{name}.v1"}, "data": data}
    return {**DERIVED_EVENT, "properties": exact, **({"$defs": definitions} if definitions else {})}


def documents() -> dict[str, Json]:
    """Each schema by where it lies in a folder of them, ``in/…`` or ``out/…`` for the way that it goes."""
    found = {
        f"{IN}/{topic}/{name}.json": model.model_json_schema(mode="validation")
        for topic, models in INPUTS.items()
        for name, model in models.items()
    }
    found[f"{OUT}/log.json"] = LOG_RECORD
    found[f"{OUT}/dead.headers.json"] = LETTER_HEADERS
    found |= {f"{OUT}/events/{name}.json": event(name) for name in EVENTS}
    found |= {f"{OUT}/state/{service}.json": schema for service, schema in STATES.items()}
    return {path: {"$schema": DIALECT, **found[path]} for path in sorted(found)}
