"""The description of the routes of versions, with the examples of 001, OpenAPI 3.1."""

from __future__ import annotations

from typing import Any, Final

from libs.contracts.fields import AMOUNT_PATTERN
from libs.contracts.versions import ALREADY_EXECUTED, KEY_REUSED, UNKNOWN_SYMBOLS
from libs.ledger.reading import MAX_BYTES
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
from services.api.versions import AT, CREATE, DELETE, EXECUTE, READ, STATUSES
from services.api.versions_answer import PROBLEMS, location
from services.api.versions_request import ASSOCIATIONS, LONGEST_KEY

_UNKNOWN_TOKEN: Final = {401: "No bearer token that we know."}
_NONE: Final = {404: "There is no such version, or it is another organization's, or there was none by then."}
_NO_STRATEGY: Final = {404: "There is no such strategy, or it is another organization's."}
_REF: Final = {"$ref": REF.format(model="Version")}
_UUID: Final[Json] = {"type": "string", "format": "uuid"}
_AMOUNT: Final[Json] = {"type": "string", "description": "A decimal."}
_AMOUNT_OR_NONE: Final[Json] = {"type": ["string", "null"], "description": "A decimal."}
_TIME: Final[Json] = {"type": "string", "format": "date-time"}
_TIME_OR_NONE: Final[Json] = {"type": ["string", "null"], "format": "date-time"}


def paths() -> dict[str, Json]:
    """The routes by their paths."""
    return {
        AT: {"parameters": [_STRATEGY_ID], "get": _list()},
        f"{AT}/execute": {"parameters": [_STRATEGY_ID], "post": _execute()},
        f"{AT}/{{id}}": {"parameters": [_STRATEGY_ID, _VERSION_ID], "get": _show(), "delete": _delete()},
        f"{AT}/{{id}}/history": {"parameters": [_STRATEGY_ID, _VERSION_ID], "get": _history()},
    }


def _show() -> Json:
    refusals = {**_UNKNOWN_TOKEN, **_lacking(READ), **_NONE, **CUT, **WRONG, **SERVER}
    told = get("get_version", "A version of a strategy.", enveloped(_REF), refusals)
    content = told["responses"]["200"]["content"]["application/json"]
    content["examples"] = {"complete": {"value": {"data": _COMPLETE}}}
    return {**told, **BEARER, "parameters": [_INCLUDE, AS_OF]}


def _list() -> Json:
    refusals = {**_UNKNOWN_TOKEN, **_lacking(READ), **_NO_STRATEGY, **WRONG, **SERVER}
    status = {"name": "status", "in": "query", "schema": {"enum": list(STATUSES)}}
    told = get(
        "list_versions", "A strategy's versions, the newest first by inserted_at.", listed(_REF), refusals
    )
    return {**told, **BEARER, "parameters": [_INCLUDE, status, *PAGE]}


def _history() -> Json:
    refusals = {**_UNKNOWN_TOKEN, **_lacking(READ), **_NONE, **WRONG, **SERVER}
    told = get("get_version_history", "Oldest first.", listed(RECORD), refusals)
    return {**told, **BEARER, "parameters": PAGE}


def _execute() -> Json:
    accepted = {
        "description": "The version, as its execution left it.",
        "headers": {
            "Location": {
                "description": "Where the version is shown.",
                "schema": {"type": "string"},
                "example": location(_PENDING["strategy_id"], _PENDING["id"]),
            }
        },
        "content": {
            "application/json": {
                "schema": enveloped(_REF),
                "examples": {"pending": {"value": {"data": _PENDING}}},
            }
        },
    }
    refusals = {
        400: "Not JSON, nested too deep, or too many keys.",
        **_UNKNOWN_TOKEN,
        **_lacking(f"{CREATE} or {EXECUTE}"),
        **_NO_STRATEGY,
        408: "The body was not complete in time.",
        413: f"The body is larger than {MAX_BYTES} bytes.",
        422: "What is wrong with the request, all at once; unknown symbols; another version is on its way; or the key "
        "was used with another body.",
        **SERVER,
        503: "Whether it was executed is not known yet: the same request under the same Idempotency-Key finds out.",
    }
    problems = {str(status): problem(what) for status, what in refusals.items()}
    problems["422"]["content"]["application/problem+json"]["examples"] = _PROBLEMS
    return {
        "operationId": "execute_version",
        "summary": "Create a version of a strategy and execute it.",
        "description": "What is answered, an immediate GET shows. Under an Idempotency-Key (per organization and "
        "strategy, for 24 hours) an equal JSON body gets the first answer again, 202 or 422, with the same Location. A "
        "request that is malformed or gets 503 uses no key up.",
        **BEARER,
        "parameters": [_KEY],
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": _BODY, "examples": {"three": {"value": _EXAMPLE}}},
            },
        },
        "responses": {"202": accepted, **problems},
    }


def _delete() -> Json:
    refusals = {
        **_UNKNOWN_TOKEN,
        **_lacking(DELETE),
        **_NONE,
        422: "The version has been executed.",
        **SERVER,
        503: "Whether it was deleted is not known yet: the same request finds out.",
    }
    problems = {str(status): problem(what) for status, what in refusals.items()}
    return {
        "operationId": "delete_version",
        "summary": "Delete a version that has not been executed.",
        **BEARER,
        "responses": {"204": {"description": "It is gone."}, **problems},
    }


def _lacking(scope: str) -> dict[int, str]:
    return {403: f"The token lacks the scope {scope}."}


def _object(properties: Json, required: tuple[str, ...] | None = None) -> Json:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties if required is None else required),
    }


def _problem_example(code: str, detail: str, **more: Any) -> Json:
    told = {"type": f"/problems/{code}", "title": PROBLEMS[code], "status": 422, "detail": detail}
    return {"value": {**told, **more}}


_STRATEGY_ID: Final[Json] = {"name": "strategy_id", "in": "path", "required": True, "schema": _UUID}
_VERSION_ID: Final[Json] = {"name": "id", "in": "path", "required": True, "schema": _UUID}
_INCLUDE: Final[Json] = {
    "name": "include",
    "in": "query",
    "description": f"Comma-separated: {', '.join(ASSOCIATIONS)}.",
    "style": "form",
    "explode": False,
    "schema": {"type": "array", "items": {"enum": list(ASSOCIATIONS)}, "minItems": 1},
}
_KEY: Final[Json] = {
    "name": "Idempotency-Key",
    "in": "header",
    "schema": {"type": "string", "minLength": 1, "maxLength": LONGEST_KEY, "pattern": r"^[ -~]+$"},
}
_BODY: Final = _object(
    {
        "data": _object(
            {
                "positions": {
                    "type": "array",
                    "description": "All that is to be held; the rest is cash. What is held and left out is sold.",
                    "items": _object(
                        {
                            "symbol": {"type": "string", "minLength": 1, "maxLength": 64},
                            "weight": {
                                "type": "string",
                                "pattern": AMOUNT_PATTERN,
                                "description": "In percent, not less than zero; all together at most 100.",
                            },
                        }
                    ),
                }
            }
        )
    }
)
_ORDER: Final = _object(
    {
        "id": _UUID,
        "date": {"type": "string", "format": "date"},
        "side": {"enum": ["BUY", "SELL"]},
        "symbol": {"type": "string"},
        "status": {"enum": ["PENDING", "IGNORED", "SENT", "FILLED", "FAILED"]},
        "status_reason": {"type": ["string", "null"]},
        "order_quantity": _AMOUNT,
        "order_value": _AMOUNT,
        "filled_quantity": _AMOUNT_OR_NONE,
        "filled_value": _AMOUNT_OR_NONE,
        "filled_average_price": _AMOUNT_OR_NONE,
        "inserted_at": _TIME,
        "updated_at": _TIME,
    }
)
_POSITION: Final = _object(
    {
        "id": _UUID,
        "symbol": {"type": "string"},
        "old_weight": _AMOUNT,
        "weight": _AMOUNT,
        "action": {"enum": ["ADD", "CHANGE", "REMOVE", "IGNORE"]},
    }
)
_ALWAYS: Final[Json] = {
    "id": _UUID,
    "strategy_id": _UUID,
    "cash_weight": _AMOUNT,
    "old_cash_weight": _AMOUNT,
    "scheduled_for": _TIME_OR_NONE,
    "status": {"enum": [*STATUSES, None], "description": "Null as long as it was not scheduled or executed."},
    "executed_at": _TIME_OR_NONE,
    "inserted_at": _TIME,
}
VERSION: Final = _object(
    {
        **_ALWAYS,
        "orders": {"type": "array", "items": _ORDER, "description": "Where include asks for them."},
        "positions": {"type": "array", "items": _POSITION, "description": "Where include asks for them."},
    },
    tuple(_ALWAYS),
)
_EXAMPLE: Final[Json] = {
    "data": {
        "positions": [
            {"symbol": "NVDA", "weight": "10.0"},
            {"symbol": "GOOG", "weight": "12.5"},
            {"symbol": "AAPL", "weight": "15.0"},
        ]
    }
}
_IDS: Final[Json] = {
    "id": "019d7a2b-c3d4-7e56-b789-01234abcdef0",
    "strategy_id": "019d6f6a-9be4-7d69-a04c-91912a8b9100",
}
_NVDA: Final[Json] = {
    "id": "019d7a2b-d5e6-7f78-c901-23456bcdef01",
    "date": "2025-03-10",
    "side": "BUY",
    "symbol": "NVDA",
    "status": "PENDING",
    "status_reason": None,
    "order_quantity": "10",
    "order_value": "1500.00",
    "filled_quantity": None,
    "filled_value": None,
    "filled_average_price": None,
    "inserted_at": "2025-03-10T14:30:00.000000Z",
    "updated_at": "2025-03-10T14:30:00.000000Z",
}
_ADDED: Final[Json] = {
    "id": "019d7a2b-e7f8-7a90-d012-34567cdef012",
    "symbol": "NVDA",
    "old_weight": "0",
    "weight": "10.0",
    "action": "ADD",
}
_PENDING: Final[Json] = {
    **_IDS,
    "cash_weight": "62.5",
    "old_cash_weight": "100.0",
    "scheduled_for": None,
    "status": "PENDING",
    "executed_at": "2025-03-10T14:30:00.000000Z",
    "inserted_at": "2025-03-10T14:30:00.000000Z",
    "orders": [_NVDA],
    "positions": [
        _ADDED,
        {**_ADDED, "id": "019d7a2b-e7f8-7a90-d012-34567cdef013", "symbol": "GOOG", "weight": "12.5"},
        {**_ADDED, "id": "019d7a2b-e7f8-7a90-d012-34567cdef014", "symbol": "AAPL", "weight": "15.0"},
    ],
}
_COMPLETE: Final[Json] = {
    **_PENDING,
    "cash_weight": "5.0",
    "old_cash_weight": "10.0",
    "status": "COMPLETE",
    "inserted_at": "2025-03-10T14:28:00.000000Z",
    "orders": [
        {
            **_NVDA,
            "status": "FILLED",
            "filled_quantity": "10",
            "filled_value": "1490.50",
            "filled_average_price": "149.05",
            "updated_at": "2025-03-10T14:35:00.000000Z",
        }
    ],
    "positions": [
        _ADDED,
        {
            "id": "019d7a2b-e7f8-7a90-d012-34567cdef013",
            "symbol": "GOOG",
            "old_weight": "15.0",
            "weight": "12.5",
            "action": "CHANGE",
        },
    ],
}
_PROBLEMS: Final[Json] = {
    UNKNOWN_SYMBOLS: _problem_example(
        UNKNOWN_SYMBOLS,
        "unknown symbols: NOPE",
        unknown_symbols=["NOPE"],
        errors=[{"pointer": "/data/positions/0/symbol", "detail": "there is no symbol NOPE"}],
    ),
    ALREADY_EXECUTED: _problem_example(
        ALREADY_EXECUTED, "another version is being executed", version_id=_IDS["id"]
    ),
    KEY_REUSED: _problem_example(
        KEY_REUSED,
        "something else was requested under this key before",
        version_id=_IDS["id"],
        errors=[
            {"pointer": "/Idempotency-Key", "detail": "something else was requested under this key before"}
        ],
    ),
}
