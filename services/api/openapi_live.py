"""The description of the routes that the live page asks, OpenAPI 3.1."""

from __future__ import annotations

from typing import Final

from libs.contracts.names import SERVICES
from services.api.openapi_parts import (
    AS_OF,
    BEARER,
    CUT,
    PAGE,
    RECORD,
    REF,
    SERVER,
    WRONG,
    Json,
    enveloped,
    get,
    listed,
    problem,
)

_OPEN: Final[Json] = {"security": [{}, {"bearer": []}]}  # nothing is asked of who comes from this machine
_LIVE: Final = {401: "Not from this machine, and no bearer token that we know.", 403: "Scope live:read."}
_TEXT: Final = {"type": "string"}
_MISSING: Final = {404: "There is no such entity, or was none by then."}
_ENTITY: Final = [
    {"name": "service", "in": "query", "required": True, "schema": {"enum": list(SERVICES)}},
    {
        "name": "id",
        "in": "query",
        "required": True,
        "description": "The entity's id; a strategy's is <account>:<strategy_id>.",
        "schema": {"type": "string"},
    },
]
_AGENT: Final = {"name": "id", "in": "query", "required": True, "schema": {"type": "string"}}
_AFTER: Final = {
    "name": "after",
    "in": "query",
    "description": "A sequence: those behind it, instead of a cursor.",
    "schema": {"type": "integer", "minimum": 0},
}
_DOCUMENT: Final = {
    "type": "object",
    "description": "The entity's document, as in its service's state topic.",
}


def paths() -> Json:
    """The paths and what each answers."""
    return {
        "/": {
            "get": get("page", "The live page, for people; it holds no data.", _TEXT, media_type="text/html")
        },
        "/live/stream": {"get": {**_stream(), **_OPEN}},
        "/live/entity": {
            "get": {
                **get(
                    "live_entity",
                    "An entity of any organization.",
                    enveloped(_DOCUMENT),
                    _LIVE | _MISSING | WRONG | CUT | SERVER,
                ),
                **_OPEN,
                "parameters": [*_ENTITY, AS_OF],
            }
        },
        "/live/entity/history": {
            "get": {
                **get(
                    "live_entity_history", "Oldest first.", listed(RECORD), _LIVE | _MISSING | WRONG | SERVER
                ),
                **_OPEN,
                "parameters": [*_ENTITY, _AFTER, *PAGE],
            }
        },
        "/live/equity": {
            "get": {
                **get(
                    "live_equity",
                    "An agent's snapshots, the newest first.",
                    listed({"$ref": REF.format(model="Snapshot")}),
                    _LIVE | {404: "There is no such agent."} | WRONG | SERVER,
                ),
                **_OPEN,
                "parameters": [_AGENT, *PAGE],
            }
        },
        "/live/dead/redrive": {"post": _redrive()},
    }


def _stream() -> Json:
    refusals = {**_LIVE, 429: SERVER[429], 503: "Too many have the page open, or the process is going down."}
    summary = "What the page shows, as server-sent events."
    told = get("live_stream", summary, _TEXT, refusals, media_type="text/event-stream")
    return {
        **told,
        "description": "Without an end. The event state comes first and has all; then services, every second, with "
        "rates and lag, and as it happens feed, letters and agents. After a cut ask again: nothing is resumed. Their "
        "members are in libs/contracts/README.md.",
    }


def _redrive() -> Json:
    place = {
        "type": "string",
        "description": "topic/partition/offset of the letter, such as operations.dead/3/5.",
    }
    body = {"type": "object", "properties": {"place": place}, "required": ["place"]}
    told = {"type": "object", "properties": {"redriven": {"const": 1}, "service": {"enum": list(SERVICES)}}}
    refusals = {
        400: "The body is not JSON.",
        401: "No bearer token that we know.",
        403: "The token lacks the scope dead:redrive.",
        404: "There is no such dead letter, or not any more.",
        408: "The body did not come in time.",
        413: "The body is too large.",
        422: "place is not that of a dead letter.",
        429: SERVER[429],
        503: "Kafka did not acknowledge; the letter may have been sent nevertheless.",
    }
    return {
        "operationId": "redrive",
        "summary": "Send a dead letter again, as it came, to the topic it came from.",
        **BEARER,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {
            "202": {
                "description": "Kafka has it on all in-sync replicas.",
                "content": {"application/json": {"schema": enveloped(told)}},
            },
            **{str(status): problem(what) for status, what in refusals.items()},
        },
    }
