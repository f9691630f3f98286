"""The description of the API's routes, OpenAPI 3.1, written by hand but for the schemas of 002's messages."""

from __future__ import annotations

from typing import Final

import orjson
from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from libs.contracts.agents import JournalEntry, RiskVeto, Snapshot, Trade, TwakBlock
from libs.contracts.names import ENTITIES
from libs.contracts.states import STATES
from services.api import openapi_live, openapi_versions, strategies
from services.api.ledgers import STATUSES
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
    in_path,
    listed,
    status_of,
)

_STREAMS: Final[dict[str, tuple[type[BaseModel], ...]]] = {
    "equity": (Snapshot,),
    "trades": (Trade,),
    "journal": (JournalEntry,),
    "risk/blocks": (RiskVeto, TwakBlock),
}
_AGENT: Final = {401: "Not from this machine, and no bearer token that we know.", 403: "Scope agents:read."}
_ACCOUNT: Final = {
    401: "Neither a signature nor a bearer token that we know.",
    403: "The token lacks the scope strategies:read.",
    **SERVER,
}
_NO_STRATEGY: Final = {404: "The account has no such strategy, or had none by then."}
_SIGNED: Final[Json] = {"security": [{"apiKey": [], "timestamp": [], "signature": []}, {"bearer": []}]}


def describe() -> Json:
    """The whole description, as JSON to be."""
    models = [model for some in _STREAMS.values() for model in some]
    _, schemas = models_json_schema([(model, "serialization") for model in models], ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stratafold API",
            "version": "1",
            "description": "What the services folded, as of now; never old data as if it were fresh.",
        },
        "paths": {
            "/api/v1/strategies": {"get": _strategies()},
            "/api/v1/strategies/{strategy_id}": {"get": _strategy()},
            "/api/v1/strategies/{strategy_id}/history": {"get": _strategy_history()},
            **openapi_versions.paths(),
            **{path: {"get": told} for service in STATUSES for path, told in _ledger(service).items()},
            "/agents": {"get": _agents()},
            "/agents/{id}": {"get": _agent()},
            "/agents/{id}/history": {"get": _agent_history()},
            **{f"/agents/{{id}}/{path}": {"get": _stream(path)} for path in _STREAMS},
            **openapi_live.paths(),
            "/healthz": {"get": get("health", "The process is up.", status_of("ok"))},
            "/readyz": {
                "get": get(
                    "readiness",
                    "All partitions are ready.",
                    status_of("ready"),
                    {503: "The partitions that are not ready, by service in partitions."},
                )
            },
            "/metrics": {
                "get": get("metrics", "Counters for Prometheus.", {"type": "string"}, media_type="text/plain")
            },
            "/openapi.json": {"get": get("description", "This description.", {"type": "object"})},
            "/asyncapi.json": {"get": get("topics", "Topics and streams, AsyncAPI.", {"type": "object"})},
        },
        "components": {
            "schemas": {
                **schemas["$defs"],
                **_documents(),
                "Problem": _PROBLEM,
                "Strategy": _STRATEGY,
                "Agent": _AGENT_SCHEMA,
                "Version": openapi_versions.VERSION,
            },
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "X-Api-Key"},
                "timestamp": {"type": "apiKey", "in": "header", "name": "X-Timestamp"},
                "signature": {"type": "apiKey", "in": "header", "name": "X-Signature"},
            },
        },
    }


def _strategies() -> Json:
    filters = [{"name": "status", "in": "query", "schema": {"enum": list(strategies.STATUSES)}}]
    schema = listed({"$ref": REF.format(model="Strategy")})
    return {
        **get("list_strategies", "The account's strategies, changed last first.", schema, _ACCOUNT | WRONG),
        **_SIGNED,
        "parameters": [*filters, *PAGE],
    }


def _strategy_history() -> Json:
    return {
        **get("get_strategy_history", "Oldest first.", listed(RECORD), _ACCOUNT | _NO_STRATEGY | WRONG),
        **_SIGNED,
        "parameters": [in_path("strategy_id"), *PAGE],
    }


def _strategy() -> Json:
    refusals = _ACCOUNT | _NO_STRATEGY | WRONG | CUT
    schema = enveloped({"$ref": REF.format(model="Strategy")})
    return {
        **get("get_strategy", "Get Strategy: a strategy of the caller's account.", schema, refusals),
        "description": "X-Signature is the lower-case hex HMAC-SHA256, under the API key's secret, of X-Timestamp "
        "(ms), the method and the path without its query; within 30 s, each signature once. A bearer token "
        "speaks for the account that has its organization's name. With as_of what "
        "is told of the account's stream is null.",
        **_SIGNED,
        "parameters": [in_path("strategy_id"), AS_OF],
    }


def _documents() -> dict[str, Json]:
    """Operations and executions as their ``.state`` has them, and what they consist of."""
    found: dict[str, Json] = {}
    for service in STATUSES:
        text = orjson.dumps(STATES[service]).replace(b'"#/$defs/', b'"' + REF.format(model="").encode())
        document = orjson.loads(text)
        found |= document.pop("$defs")
        found[ENTITIES[service].capitalize()] = document
    return found


def _ledger(service: str) -> dict[str, Json]:
    one = ENTITIES[service]
    at = f"/api/v1/{service}"
    refusals = {
        401: "No bearer token that we know.",
        403: f"The token lacks the scope {service}:read.",
        **SERVER,
    }
    missing = {404: f"There is no such {one}, or was none by then."}
    filters = [
        {"name": "strategy_id", "in": "query", "schema": {"type": "string", "format": "uuid"}},
        {"name": "status", "in": "query", "schema": {"enum": list(STATUSES[service])}},
    ]
    document = {"$ref": REF.format(model=one.capitalize())}
    return {
        at: {
            **get(f"list_{service}", f"{service}, changed last first.", listed(document), refusals | WRONG),
            **BEARER,
            "parameters": [*filters, *PAGE],
        },
        f"{at}/{{id}}": {
            **get(f"get_{one}", f"One {one}.", enveloped(document), refusals | missing | WRONG | CUT),
            **BEARER,
            "parameters": [in_path("id"), AS_OF],
        },
        f"{at}/{{id}}/history": {
            **get(f"get_{one}_history", "Oldest first.", listed(RECORD), refusals | missing | WRONG),
            **BEARER,
            "parameters": [in_path("id"), *PAGE],
        },
    }


def _agents() -> Json:
    schema = listed({"$ref": REF.format(model="Agent")})
    return {
        **get("list_agents", "Agents, those changed last first.", schema, {**_AGENT, **WRONG, **SERVER}),
        **_OPEN,
        "parameters": [{"name": "status", "in": "query", "schema": {"type": "string"}}, *PAGE],
    }


def _agent() -> Json:
    schema = enveloped({"$ref": REF.format(model="Agent")})
    return {
        **get("get_agent", "An agent.", schema, _AGENT | _CURRENT | WRONG | CUT | SERVER),
        **_OPEN,
        "parameters": [in_path("id"), AS_OF],
    }


def _agent_history() -> Json:
    refusals = _AGENT | _CURRENT | WRONG | SERVER
    return {
        **get("get_agent_history", "Oldest first.", listed(RECORD), refusals),
        **_OPEN,
        "parameters": [in_path("id"), *PAGE],
    }


def _stream(path: str) -> Json:
    schema = listed({"anyOf": [{"$ref": REF.format(model=model.__name__)} for model in _STREAMS[path]]})
    refusals = {**_AGENT, **_CURRENT, **WRONG, **SERVER}
    name = path.replace("/", "_")
    return {
        **get(f"get_{name}", "The agent's messages, the newest first.", schema, refusals),
        **_OPEN,
        "parameters": [in_path("id"), *PAGE],
    }


_OPEN: Final[Json] = {"security": [{}, {"bearer": []}]}  # nothing is asked of who comes from this machine
_CURRENT: Final = {404: "There is no such agent.", 409: "current, where there are several agents."}
_TEXTS: Final = (
    "status",
    "phase",
    "equity",
    "peak_equity",
    "drawdown",
    "daily_drawdown_used",
    "promotion_tx_hash",
    "demotion_rule",
    "demotion_limit",
    "locked_until",
    "last_event",
    "last_event_at",
)
_AMOUNT: Final = {"type": "string", "description": "A decimal."}
_STRATEGY: Final = {
    "type": "object",
    "properties": {
        "id": {"type": "string"},
        "account": {"type": "string"},
        "status": {"enum": ["deployed", "paused", "error", None]},
        "error": {
            "type": ["object", "null"],
            "properties": {"code": {"type": "string"}, "message": {"type": "string"}},
        },
        "positions": {"type": "array", "description": "Open ones.", "items": {"type": "object"}},
        "orders": {"type": "array", "description": "Open ones.", "items": {"type": "object"}},
        "realized_pnl": _AMOUNT,
        "fees": {"type": "object", "description": "By currency.", "additionalProperties": _AMOUNT},
        "completeness": {"enum": ["complete", "suspect", "repaired", None]},
        "gaps": {
            "type": ["array", "null"],
            "description": "Upstream's numbers that are missing, first and last.",
            "items": {"type": "array", "items": {"type": "integer"}, "minItems": 2, "maxItems": 2},
        },
        "upstream_seq": {"type": ["integer", "null"]},
        "seq": {"type": ["integer", "null"], "description": "Our last number for the account."},
    },
}
_AGENT_SCHEMA: Final = {
    "type": "object",
    "description": "The agent's projection; money and fractions are decimal strings.",
    "properties": {
        "id": {"type": "string"},
        **{name: {"type": ["string", "null"]} for name in _TEXTS},
        "mode": {"enum": ["PAPER", "LIVE"]},
        **{
            name: {"type": "integer"}
            for name in [
                "trades_total",
                "risk_vetoes_total",
                "twak_blocks_total",
                "quotes_rejected_total",
                "sequence",
            ]
        },
        "realised_pnl_total": _AMOUNT,
        "fees_total": _AMOUNT,
        "disputed": {"type": "boolean"},
        "first_recorded_at": {"type": "string", "format": "date-time"},
        "last_recorded_at": {"type": "string", "format": "date-time"},
    },
}
_PROBLEM: Final = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "JSON Pointer; /limit is the parameter limit, /Idempotency-Key the header.",
                    },
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
        "partitions": {"type": "object", "description": "By service, those that are not ready."},
        "unknown_symbols": {"type": "array", "items": {"type": "string"}},
        "version_id": {
            "type": "string",
            "description": "The version that is on its way, or that the Idempotency-Key was used for.",
        },
    },
    "required": ["type", "title", "status", "detail"],
}
