"""The description of the gateway's routes, OpenAPI 3.1: written by hand but for the schemas, which are the models'."""

from __future__ import annotations

from typing import Any, Final

from pydantic.json_schema import models_json_schema

from libs.ledger.reading import MAX_BYTES, MAX_DEPTH, MAX_KEYS
from libs.security.webhooks import ID_HEADER, MAX_ID, SIGNATURE_HEADER, TIMESTAMP_HEADER, TOLERANCE
from libs.web.problems import PROBLEM_JSON
from services.gateway.examples import EXAMPLES
from services.gateway.intake import WEBHOOKS, Webhook

Json = dict[str, Any]

_REF: Final = "#/components/schemas/{model}"
_REFUSALS: Final = {
    400: f"Not JSON, nested deeper than {MAX_DEPTH}, or more than {MAX_KEYS} keys.",
    401: "The signature is missing or bad, or its timestamp is stale.",
    408: "The body did not arrive in time.",
    413: f"The body is larger than {MAX_BYTES} bytes.",
    422: "Not that webhook: every documented field that is missing, mistyped or malformed is listed.",
    503: "Kafka does not answer; send the same webhook again later.",
}


def document() -> Json:
    """The whole description, as JSON to be."""
    _, schemas = models_json_schema(
        [(webhook.model, "validation") for webhook in WEBHOOKS], ref_template=_REF
    )
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "stratafold webhook gateway",
            "version": "1",
            "description": "Signed webhooks in, records of the services' input topics out, byte for byte.",
        },
        "paths": {
            **{webhook.path: {"post": _receive(webhook)} for webhook in WEBHOOKS},
            "/healthz": {"get": _get("health", "The process is up.", _data({"status": {"const": "ok"}}))},
            "/readyz": {"get": _ready()},
            "/metrics": {
                "get": {
                    "operationId": "metrics",
                    "summary": "Counters for Prometheus.",
                    "responses": {
                        "200": {
                            "description": "Text format.",
                            "content": {"text/plain": {"schema": {"type": "string"}}},
                        }
                    },
                }
            },
            "/openapi.json": {"get": _get("description", "This description.", {"type": "object"})},
        },
        "components": {"schemas": {**schemas["$defs"], "Problem": _PROBLEM}},
    }


def _receive(webhook: Webhook) -> Json:
    examples = {name: {"value": body} for name, body in EXAMPLES[webhook.service].items()}
    return {
        "operationId": f"receive_{webhook.service}",
        "summary": f"Take the webhook {webhook.name}.",
        "description": "Signed as Standard Webhooks (v1, HMAC-SHA256 over id, timestamp and body with dots between). "
        "A repeated delivery is harmless: equal bodies are one fact. Fields that contradict each other are not judged "
        "here; such a body is accepted and quarantined afterwards.",
        "parameters": _PARAMETERS,
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {
                    "schema": {"$ref": _REF.format(model=webhook.model.__name__)},
                    "examples": examples,
                }
            },
        },
        "responses": {
            "202": {
                "description": "All in-sync replicas have it.",
                "content": {
                    "application/json": {
                        "schema": _data({"accepted": {"const": True}, "id": {"type": "string"}})
                    }
                },
            },
            **{str(status): _problem(status, what) for status, what in _REFUSALS.items()},
        },
    }


def _get(operation: str, summary: str, schema: Json) -> Json:
    answered = {"description": summary, "content": {"application/json": {"schema": schema}}}
    return {"operationId": operation, "summary": summary, "responses": {"200": answered}}


def _ready() -> Json:
    ready = _get("readiness", "Kafka answers.", _data({"status": {"const": "ready"}}))
    return {**ready, "responses": {**ready["responses"], "503": _problem(503, "Kafka does not answer.")}}


def _data(properties: Json) -> Json:
    data = {"type": "object", "properties": properties, "required": list(properties)}
    return {"type": "object", "properties": {"data": data}, "required": ["data"]}


def _problem(status: int, what: str) -> Json:
    answered: Json = {
        "description": what,
        "content": {PROBLEM_JSON: {"schema": {"$ref": _REF.format(model="Problem")}}},
    }
    header = {401: "WWW-Authenticate", 503: "Retry-After"}.get(status)
    return answered if header is None else {**answered, "headers": {header: {"schema": {"type": "string"}}}}


_PARAMETERS: Final = [
    {"name": name, "in": "header", "required": True, "description": what, "schema": schema}
    for name, what, schema in (
        (ID_HEADER, "Of the delivery.", {"type": "string", "minLength": 1, "maxLength": MAX_ID}),
        (
            TIMESTAMP_HEADER,
            f"Seconds since 1970, at most {TOLERANCE} s from now.",
            {"type": "string", "pattern": "^[0-9]{1,12}$"},
        ),
        (SIGNATURE_HEADER, "`v1,<base64>`, several with spaces between.", {"type": "string"}),
    )
]
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
                    "pointer": {"type": "string", "description": "JSON Pointer; empty = the whole body."},
                    "detail": {"type": "string"},
                },
                "required": ["pointer", "detail"],
            },
        },
    },
    "required": ["type", "title", "status", "detail"],
}
