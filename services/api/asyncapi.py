"""The description of topics and streams, AsyncAPI 3.0: written by hand but for the schemas of the sources' messages."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from libs.contracts.agents import CLOCK_EVENT, MESSAGES
from libs.contracts.inputs import INPUTS
from libs.contracts.names import ENTITIES, STREAMS, Names
from libs.contracts.strategies import CHANNEL, DATA, FRAMES, ConnectorScope, StrategyEvent
from libs.contracts.versions import INSTRUMENTS
from libs.ledger.schemas import DERIVED_EVENT, LOG_RECORD
from services.api import asyncapi_versions
from services.api.streams.codes import Close, Code
from services.api.streams.routes import AGENT_PATH, STATUS_PATH

Json = dict[str, Any]

_Mode = tuple[type[BaseModel], Literal["validation", "serialization"]]
_REF: Final = "#/components/schemas/{model}"
_AGENT_MODELS: Final[tuple[type[BaseModel], ...]] = tuple(
    model for name, model in MESSAGES.items() if name != CLOCK_EVENT
)
_INPUTS: Final[dict[str, tuple[type[BaseModel], ...]]] = {
    # strategies' envelopes are one message: their data have schemas of their own, which frames point to
    topic.removesuffix(".in"): (StrategyEvent, ConnectorScope)
    if topic == "strategies.in"
    else tuple(models.values())
    for topic, models in INPUTS.items()
    if topic not in (f"{asyncapi_versions.SERVICE}.in", INSTRUMENTS)
}
_KEYS: Final = {"agents": "the agent's id", "strategies": "the account", "versions": "the strategy's id"}
_TOPICS: Final = {
    "in": "What the service folds, JSON as its source documents it; key: {key}. LogAppendTime, 14 days.",
    "log": "One record for every input record, for ever; accept one only if its previousinputoffset is the inputoffset "
    "that was accepted last in the partition. Key: the routing key.",
    "events": "What follows from the input, 14 days; drop what is not greater than the last sequence of its subject. "
    "Key: the entity's id.",
    "state": "The latest document of each entity, compacted. Key: the entity's id.",
    "dead": "Inputs that were refused, byte for byte, 90 days; the headers error, detail, pointer, source, service "
    "and at come before the input's own.",
}


def describe(services: Iterable[str], names: Names) -> Json:
    """The topics of some services and both streams, as JSON to be."""
    services = tuple(services)
    inputs = [model for some in _INPUTS.values() for model in some]
    models = dict.fromkeys([*inputs, *DATA.values(), *asyncapi_versions.MODELS])
    # what agents tell may come with numbers, and leaves with strings: two schemas
    coming: list[_Mode] = [(model, "validation") for model in models]
    leaving: list[_Mode] = [(model, "serialization") for model in _AGENT_MODELS]
    refs, schemas = models_json_schema([*coming, *leaving], ref_template=_REF)
    topics = {
        f"{service}.{stream}": _topic(service, stream, names, refs)
        for service in services
        for stream in STREAMS
    }
    if asyncapi_versions.SERVICE in services:
        topics[INSTRUMENTS] = asyncapi_versions.instruments(names, refs)
    told = {"oneOf": [refs[one] for one in leaving]}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "stratafold topics and streams",
            "version": "1",
            "description": "Times are RFC 3339, amounts decimal strings. Clients of a stream reconnect after 1 s, "
            "doubled to 30 s, each ±25 %, and begin anew at 1 s once a connection was up for 60 s.",
        },
        "defaultContentType": "application/json",
        "servers": {
            "kafka": _server("kafka", "127.0.0.1:19092"),
            "api": _server("ws", "127.0.0.1:8000"),
        },
        "channels": {**topics, "credentials": _credentials(names), "status": _STATUS, "agent": _AGENT},
        "operations": {
            **{f"{channel}.{way}": _operation(channel, way) for channel in topics for way in _ways(channel)},
            "status.receive": _operation("status", "receive", "auth", "subscribe", "unsubscribe"),
            "status.send": _operation("status", "send", "ack", "refusal", "frame"),
            "agent.send": _operation("agent", "send", "message"),
        },
        "components": {
            "schemas": {**schemas["$defs"], **_SCHEMAS, "AgentMessage": told},
            "messages": {
                "record": _message("LogRecord", "application/cloudevents+json"),
                "event": _message("DerivedEvent", "application/cloudevents+json"),
            },
        },
    }


def _server(protocol: str, host: str) -> Json:
    return {"host": "{host}", "protocol": protocol, "variables": {"host": {"default": host}}}


def _topic(service: str, stream: str, names: Names, refs: Mapping[Any, Json]) -> Json:
    key = _KEYS.get(service, f"the body's {ENTITIES[service]} id")
    messages: dict[str, Json]
    match stream:
        case "in":
            if service == asyncapi_versions.SERVICE:
                messages = asyncapi_versions.commands(refs)
            else:
                messages = {
                    model.__name__: {"payload": refs[model, "validation"]} for model in _INPUTS[service]
                }
        case "log":
            messages = {"record": {"$ref": "#/components/messages/record"}}
        case "events":
            messages = {"event": {"$ref": "#/components/messages/event"}}
        case "state":
            messages = {"document": {"payload": {"type": "object", "required": ["id", "sequence"]}}}
        case _:
            messages = {"letter": {"payload": {"description": "Whatever came."}}}
    return {
        "address": names.topic(f"{service}.{stream}"),
        "description": _TOPICS[stream].format(key=key),
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": messages,
    }


def _credentials(names: Names) -> Json:
    return {
        "address": names.topic("credentials"),
        "description": "Tokens and API keys by their SHA-256, compacted, one partition; a tombstone revokes.",
        "servers": [{"$ref": "#/servers/kafka"}],
        "messages": {"credential": {"payload": {"type": "object"}}},
    }


def _ways(topic: str) -> tuple[str, ...]:
    """What we do with a topic: what is written to the input topics is others' as well as ours."""
    return ("receive", "send") if topic.endswith(".in") else ("send",)


def _operation(channel: str, action: str, *messages: str) -> Json:
    at = f"#/channels/{channel}"
    some = {"messages": [{"$ref": f"{at}/messages/{name}"} for name in messages]} if messages else {}
    return {"action": action, "channel": {"$ref": at}, **some}


def _message(schema: str, content: str = "application/json") -> Json:
    return {"contentType": content, "payload": {"$ref": _REF.format(model=schema)}}


def _object(properties: Mapping[str, Json], optional: tuple[str, ...] = ()) -> Json:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": dict(properties), "required": required}


_TEXT: Final[Json] = {"type": "string"}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_COUNT: Final[Json] = {"type": "integer", "minimum": 1}
_OFFSET: Final[Json] = {"type": "integer", "minimum": -1}
_MAYBE: Final[Json] = {"type": ["string", "null"]}
_CODES: Final = ", ".join(
    f"{code.value} {code.name.lower().replace('_', ' ')}" for code in Close if code >= 4_000
)
_FOR: Final[Json] = {
    "channel": {"const": CHANNEL},
    "id": {**_TEXT, "description": "A strategy's id, or * for all."},
}
_SCHEMAS: Final[Json] = {
    "LogRecord": LOG_RECORD,
    "DerivedEvent": DERIVED_EVENT,
    "Auth": _object(
        {
            "op": {"const": "auth"},
            "api_key": _TEXT,
            "timestamp": {"type": ["integer", "string"], "description": "Ms since 1970."},
            "signature": {
                **_TEXT,
                "pattern": "^[0-9a-f]{64}$",
                "description": f"Hex HMAC-SHA256, under the secret, of timestamp + GET + {STATUS_PATH}.",
            },
        }
    ),
    "Subscribe": _object(
        {"op": {"const": "subscribe"}, **_FOR, "since_seq": {"type": "integer", "minimum": 0, "maximum": 2**63 - 1}},
        ("since_seq",),
    ),
    "Unsubscribe": _object({"op": {"const": "unsubscribe"}, **_FOR}),
    "Ack": _object({"op": {"const": "ack"}, **_FOR, "ok": {"const": True}}),
    "Refusal": _object(
        {
            "op": {"const": "ack"},
            "channel": {"description": "As it was said."},
            "id": {"description": "As it was said."},
            "ok": {"const": False},
            "code": {"enum": [code.value for code in Code]},
        },
        ("channel", "id"),
    ),
    "Frame": {
        "oneOf": [
            _object(
                {
                    "channel": {"const": CHANNEL},
                    "event": {"const": event},
                    "strategy_id": _TEXT,
                    "seq": {**_COUNT, "description": "Ours: per account, without gaps."},
                    "ts": _TIME,
                    "data": {"$ref": _REF.format(model=model.__name__)},
                }
            )
            for event, model in DATA.items()
            if event in FRAMES
        ]
    },
}  # fmt: skip
_STATUS: Final[Json] = {
    "address": STATUS_PATH,
    "description": "The strategy status stream. Sign the URL (api_key, timestamp, signature in the query; HTTP 401 if "
    "that is no good) or send auth within 5 s. since_seq replays what is kept, at least STRATAFOLD_REPLAY_SECONDS; "
    f"the ack comes before it. Close codes: 1003 binary, 1009 over 64 KiB, 1012 going down, {_CODES}.",
    "servers": [{"$ref": "#/servers/api"}],
    "messages": {
        "auth": _message("Auth"),
        "subscribe": _message("Subscribe"),
        "unsubscribe": _message("Unsubscribe"),
        "ack": _message("Ack"),
        "refusal": _message("Refusal"),
        "frame": _message("Frame"),
    },
    "bindings": {
        "ws": {"query": {"type": "object", "properties": dict.fromkeys(("api_key", "timestamp", "signature"), _TEXT)}}
    },
}  # fmt: skip
_AGENT: Final[Json] = {
    "address": AGENT_PATH,
    "description": "An agent's messages as they come, money and fractions as decimal strings; nothing is replayed. "
    "Open to this machine, elsewhere a bearer token with the scope agents:read.",
    "servers": [{"$ref": "#/servers/api"}],
    "parameters": {"id": {"description": "The agent's id, or current for the only one there is."}},
    "messages": {"message": _message("AgentMessage")},
}
