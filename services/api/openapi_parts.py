"""What the descriptions of the API's routes are put together from, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any, Final

from services.api.pages import LIMIT, MOST
from services.api.refusals import PROBLEM_JSON

Json = dict[str, Any]

REF: Final = "#/components/schemas/{model}"


def get(
    operation: str,
    summary: str,
    schema: Json,
    refusals: dict[int, str] | None = None,
    media_type: str = "application/json",
) -> Json:
    answered = {"description": summary, "content": {media_type: {"schema": schema}}}
    problems = {str(status): problem(what) for status, what in (refusals or {}).items()}
    return {"operationId": operation, "summary": summary, "responses": {"200": answered, **problems}}


def problem(what: str) -> Json:
    return {
        "description": what,
        "content": {PROBLEM_JSON: {"schema": {"$ref": REF.format(model="Problem")}}},
    }


def in_path(name: str) -> Json:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}


def enveloped(schema: Json) -> Json:
    return {"type": "object", "properties": {"data": schema}, "required": ["data"]}


def listed(item: Json) -> Json:
    properties = {"data": {"type": "array", "items": item}, "next_cursor": {"type": ["string", "null"]}}
    return {"type": "object", "properties": properties, "required": list(properties)}


def status_of(value: str) -> Json:
    return enveloped({"type": "object", "properties": {"status": {"const": value}}, "required": ["status"]})


AS_OF: Final = {
    "name": "as_of",
    "in": "query",
    "description": "A sequence, or an RFC 3339 time by the broker's clock.",
    "schema": {"type": "string"},
}
RECORD: Final[Json] = {
    "type": "object",
    "description": "A log record, its verdict, and what it changed: {field: [from, to]}; where late or a conflict, also"
    " what it claimed: {field: [what stands, what it says]}.",
}
BEARER: Final[Json] = {"security": [{"bearer": []}]}
CUT: Final = {410: "The beginning of its history is in the log alone by now."}
WRONG: Final = {422: "A parameter of the query is at fault."}
PAGE: Final = [
    {
        "name": "limit",
        "in": "query",
        "schema": {"type": "integer", "minimum": 1, "maximum": MOST, "default": LIMIT},
    },
    {
        "name": "cursor",
        "in": "query",
        "description": "next_cursor of the page before.",
        "schema": {"type": "string"},
    },
]
SERVER: Final = {
    429: "The token's requests of this minute, or the keys of a day, are used up; Retry-After says when to come again.",
    503: "The partition asked for is not ready, or Redis does not answer; try again.",
}
