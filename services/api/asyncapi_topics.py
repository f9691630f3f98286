"""What the description of topics and streams says of topics: each with its messages, its key and its settings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson

from libs.contracts.derived import events_of
from libs.contracts.examples import Examples, examples
from libs.contracts.inputs import INPUTS
from libs.contracts.names import DELETABLE, ENTITIES, STREAMS, Names
from libs.contracts.traceparent import TRACEPARENT
from libs.contracts.versions import INSTRUMENTS
from libs.ledger.envelope import CONTENT_TYPE
from libs.ledger.partition import CAUSE, FORWARDED_FROM
from libs.ledger.schemas import documents
from libs.runtime.topics import CONFIGS, CREDENTIALS, CREDENTIALS_CONFIG, INSTRUMENTS_CONFIG
from libs.security.credentials import API_KEY, SCOPES, TOKEN, Credential, record
from services.api.asyncapi_parts import BINDING_VERSION, Json, Part, listed, operation, schema

_JSON: Final = "application/json"
_CLOUD_EVENT: Final = CONTENT_TYPE[1].decode()
_KEYS: Final = {
    "operations": "The operation's id. That in the body counts, whatever the record's key.",
    "executions": "The execution's id. That in the body counts, whatever the record's key.",
    "versions": "The strategy's id. That in the body counts, whatever the record's key.",
    "agents": "The agent's id. A record without a key is refused.",
    "strategies": "The account, default where there is none.",
}
_TOPICS: Final = {
    "in": "What the service folds, JSON as its source documents it.",
    "log": "One record for every input record, for ever; accept one only if its previousinputoffset is the inputoffset "
    "that was accepted last in the partition.",
    "events": "What follows from the input; drop what is not greater than the last sequence of its subject.",
    "state": "The latest document of each entity.",
    "dead": "Inputs that were refused, byte for byte, so mostly JSON.",
}
_TEXT: Final[Json] = {"type": "string"}
_PLACE: Final[Json] = {"type": "string", "pattern": r"^.+/[0-9]+/[0-9]+$"}
_TRACE: Final[Json] = {"type": "string", "description": "W3C Trace Context of the request that led to it."}
_TOMBSTONE: Final = "tombstone"
_LETTER: Final = "letter"
_ANYTHING: Final = "dead"


def describe(services: Iterable[str], names: Names, partitions: int, replicas: int | None) -> Part:
    """The topics of some services and those that are nobody's; ``replicas`` is None where others make the topics."""
    services = tuple(services)
    told = [
        (f"{service}.{stream}", _TOPICS[stream], CONFIGS[stream], dict(_messages(service, stream)))
        for service in services
        for stream in STREAMS
    ]
    if "versions" in services:
        told.append((INSTRUMENTS, _INSTRUMENTS, INSTRUMENTS_CONFIG, _instruments()))
    told.append((CREDENTIALS, _CREDENTIALS, CREDENTIALS_CONFIG, _credentials()))
    channels = {
        topic: {
            "address": names.topic(topic),
            "description": description,
            "messages": listed(topic, messages),
            "bindings": _binding(
                names.topic(topic), config, 1 if topic == CREDENTIALS else partitions, replicas
            ),
        }
        for topic, description, config, messages in told
    }
    operations = {
        f"{topic}.{way}": operation(topic, way, messages, _group(names, topic) if way == "receive" else None)
        for topic, _, _, messages in told
        for way in _ways(topic)
    }
    messages = {f"{topic}.{name}": one for topic, _, _, some in told for name, one in some.items()}
    return Part(channels, operations, messages, _schemas(services))


def _ways(topic: str) -> tuple[str, ...]:
    """What we do with a topic: what is written to the input topics is others' as well as ours."""
    if topic == CREDENTIALS:
        return ()  # our own affair
    return ("receive", "send") if topic.endswith(".in") else ("send",)


def _group(names: Names, topic: str) -> Json | None:
    """The consumer group of the workers; instruments are read without one."""
    if topic == INSTRUMENTS:
        return None
    group = {"type": "string", "const": names.group(topic.removesuffix(".in"))}
    return {"kafka": {"groupId": group, "bindingVersion": BINDING_VERSION}}


def _binding(topic: str, config: Mapping[str, str], partitions: int, replicas: int | None) -> Json:
    told = {"topic": topic, "partitions": partitions, **({} if replicas is None else {"replicas": replicas})}
    settings = {name: _setting(name, value) for name, value in config.items()}
    return {"kafka": {**told, "topicConfiguration": settings, "bindingVersion": BINDING_VERSION}}


def _setting(name: str, value: str) -> Any:
    if name == "cleanup.policy":
        return [value]
    return int(value) if name.endswith((".ms", ".bytes")) else value


def _messages(service: str, stream: str) -> Iterator[tuple[str, Json]]:
    """The messages of one of a service's topics, by name."""
    known, entity = examples(), f"The {ENTITIES[service]}'s id."
    match stream:
        case "in":
            topic = f"{service}.in"
            for name in INPUTS[topic]:
                headers = _headers({FORWARDED_FROM: _PLACE, TRACEPARENT: _TRACE})
                yield name, _message(f"{topic}.{name}", _KEYS[service], known.inputs[topic][name], headers)
        case "log":
            yield "record", _event(f"log.{service}", _KEYS[service], known.log[service], {})
        case "events":
            for name in events_of(service):
                about = f"{entity} Or its account's." if service == "strategies" else entity
                yield name, _event(f"events.{name}", about, known.events[name], {CAUSE: _TEXT})
        case "state":
            headers = _headers({"content-type": {"const": _JSON}, CAUSE: _TEXT})
            yield "document", _message(f"state.{service}", entity, known.state[service], headers)
            if service in DELETABLE:
                yield _TOMBSTONE, _message(_TOMBSTONE, entity, None)
        case _:
            yield _LETTER, _letter(service, known)


def _message(name: str, key: str, example: Json | None, headers: Json | None = None) -> Json:
    return {
        "name": name,
        "contentType": _JSON,
        **({} if headers is None else {"headers": headers}),
        "payload": schema(name),
        "bindings": {"kafka": {"key": {**_TEXT, "description": key}, "bindingVersion": BINDING_VERSION}},
        "examples": [{"payload": example}],
    }


def _event(name: str, key: str, example: Json, headers: Mapping[str, Json]) -> Json:
    content = _headers({"content-type": {"const": _CLOUD_EVENT}, **headers})
    return {
        **_message(name, key, example, content),
        "contentType": _CLOUD_EVENT,
        "correlationId": {"location": "$message.payload#/correlationid"},
    }


def _letter(service: str, known: Examples) -> Json:
    told = _message(_ANYTHING, "As received.", None, schema("dead.headers"))
    told["bindings"]["kafka"]["key"]["type"] = ["string", "null"]
    return {**told, "examples": [known.dead[service]]}


def _headers(properties: Mapping[str, Json]) -> Json:
    return {"type": "object", "properties": dict(properties)}


def _schemas(services: Iterable[str]) -> dict[str, Json]:
    """Those that are released, by shorter names, and what goes beyond them."""
    released = {_name(path): _placed(_name(path), one) for path, one in documents().items()}
    logs = {f"log.{service}": _log_of(service) for service in services}
    bare = {
        _TOMBSTONE: {"type": "null", "description": "It is no more."},
        _ANYTHING: {"description": "Whatever came."},
        CREDENTIALS: _CREDENTIAL,
    }
    return {**released, **logs, **bare}


def _name(path: str) -> str:
    """``in/agents.in/trade.json`` -> ``agents.in.trade``, ``out/log.json`` -> ``log``."""
    _, *rest = path.removesuffix(".json").split("/")
    return ".".join(rest)


def _placed(name: str, part: Any) -> Any:
    """A schema as it stands within the description: references to what it brings along lead there."""
    if isinstance(part, dict):
        return {
            key: f"#/components/schemas/{name}{one[1:]}" if key == "$ref" else _placed(name, one)
            for key, one in part.items()
            if key != "$schema"
        }
    return [_placed(name, one) for one in part] if isinstance(part, list) else part


def _log_of(service: str) -> Json:
    own = {
        "type": {"const": f"stratafold.{ENTITIES[service]}.observed.v1"},
        "source": {"const": f"/stratafold/{service}"},
    }
    return {"allOf": [schema("log"), {"properties": own}]}


_INSTRUMENTS: Final = (
    "What can be traded, its price, the step of its quantities and the least value of an order."
)
_CREDENTIALS: Final = (
    "Tokens and API keys by their SHA-256; a tombstone revokes. Read and written by this program alone."
)


def _instruments() -> dict[str, Json]:
    key = "The symbol."
    example = examples().inputs[INSTRUMENTS]["instrument"]
    return {
        "instrument": _message(f"{INSTRUMENTS}.instrument", key, example),
        _TOMBSTONE: _message(_TOMBSTONE, key, None),
    }


def _credentials() -> dict[str, Json]:
    key, digest = "token:<sha256> or api_key:<sha256>", "0123456789abcdef" * 4
    at = "2026-05-29T19:00:00.000Z"
    kept = (
        Credential(TOKEN, digest, "org_1", ("operations:read",), "", at),
        Credential(API_KEY, digest, "acme", (), "c2VhbGVk", at),
    )
    shown = [{"name": one.kind, "payload": orjson.loads(record(one)[1])} for one in kept]
    return {
        "credential": {**_message(CREDENTIALS, key, None), "examples": shown},
        _TOMBSTONE: _message(_TOMBSTONE, key, None),
    }


_KEPT: Final = {"sha256": {"type": "string", "pattern": "^[0-9a-f]{64}$"}, "created_at": _TEXT}
_OF_TOKENS: Final = {
    "kind": {"const": TOKEN},
    "organization": _TEXT,
    "scopes": {"type": "array", "items": {"enum": list(SCOPES)}},
}
_OF_API_KEYS: Final = {"kind": {"const": API_KEY}, "account": _TEXT, "secret": _TEXT}
_CREDENTIAL: Final[Json] = {
    "oneOf": [
        {"type": "object", "properties": {**own, **_KEPT}, "required": [*own, *_KEPT]}
        for own in (_OF_TOKENS, _OF_API_KEYS)
    ]
}
