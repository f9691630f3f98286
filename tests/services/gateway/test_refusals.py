"""Every broken request gets a 4xx whose reason names what is at fault; none gets through, none breaks the gateway."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

import pytest

from libs.ledger.reading import MAX_BYTES, MAX_DEPTH, MAX_KEYS
from services.gateway.openapi import document
from tests.services.gateway.harness import (
    EXECUTION,
    EXECUTIONS,
    KEY,
    NOW,
    OPERATION,
    OPERATIONS,
    Appended,
    Headers,
    body,
    client,
    pieces,
    post,
    raw,
    signed,
)


class Broken(NamedTuple):
    name: str
    path: str
    body: bytes
    status: int
    reason: str
    pointers: tuple[str, ...] = ()
    headers: Headers | None = None


GOOD = body(OPERATION)
OUTCOME = json.dumps(
    {
        "event": "execution.outcome",
        "id": OPERATION["id"],
        "execution_id": EXECUTION["id"],
        "status": "settled",
        "status_reason": "",
        "strategy_id": OPERATION["strategy_id"],
        "updated_at": "2026-05-29T18:56:46Z",
    }
).encode()


def without(name: str) -> Headers:
    return {key: value for key, value in signed(GOOD).items() if key != name}


def but(**changes: str | bytes) -> Headers:
    return {**signed(GOOD), **{name.replace("_", "-"): value for name, value in changes.items()}}


def signature(name: str, reason: str, headers: Headers) -> Broken:
    return Broken(name, OPERATIONS, GOOD, 401, reason, headers=headers)


def operation(name: str, reason: str, *pointers: str, **changes: Any) -> Broken:
    return Broken(name, OPERATIONS, body(OPERATION, **changes), 422, reason, pointers)


def execution(name: str, reason: str, *pointers: str, **changes: Any) -> Broken:
    return Broken(name, EXECUTIONS, body(EXECUTION, **changes), 422, reason, pointers)


def unreadable(name: str, reason: str, content: bytes) -> Broken:
    return Broken(name, OPERATIONS, content, 400, reason, ("",))


PADDING = "x" * MAX_BYTES
DEEP = b'{"id":' + b"[" * MAX_DEPTH + b"]" * MAX_DEPTH + b"}"
WIDE = json.dumps({f"k{n}": n for n in range(MAX_KEYS + 1)}).encode()
SIGNED = str(signed(GOOD)["webhook-signature"])

BROKEN = [
    signature("no headers at all", "webhook-id is missing", {}),
    signature("no id", "webhook-id is missing", without("webhook-id")),
    signature("empty id", "webhook-id is missing", but(webhook_id="")),
    signature("huge id", "webhook-id is longer", but(webhook_id="m" * 5_000)),
    signature("another id", "matches none", but(webhook_id="msg_2")),
    signature("an id that is not UTF-8", "matches none", but(webhook_id=b"\xff\xfe\x00")),
    signature("an id with dots", "matches none", but(webhook_id=f"msg_1.{NOW}")),
    signature("no timestamp", "webhook-timestamp is missing", without("webhook-timestamp")),
    signature("a word for a timestamp", "not a number", but(webhook_timestamp="yesterday")),
    signature("a fraction for a timestamp", "not a number", but(webhook_timestamp=f"{NOW}.5")),
    signature("a negative timestamp", "not a number", but(webhook_timestamp=f"-{NOW}")),
    signature("milliseconds for seconds", "not a number", but(webhook_timestamp=f"{NOW}000")),
    signature("Arabic digits", "not a number", but(webhook_timestamp="١٧٨٠٠٠٠٠٠٠")),
    signature("an endless timestamp", "not a number", but(webhook_timestamp="1" * 50_000)),
    signature("a stale timestamp", "in the past", signed(GOOD, at=NOW - 301)),
    signature("a timestamp ahead of time", "in the future", signed(GOOD, at=NOW + 301)),
    signature("a moved timestamp", "matches none", but(webhook_timestamp=str(NOW - 1))),
    signature("no signature", "webhook-signature is missing", without("webhook-signature")),
    signature("an empty signature", "webhook-signature is missing", but(webhook_signature="")),
    signature("no version", "no signature of version v1", but(webhook_signature=SIGNED[3:])),
    signature("another version", "no signature of version v1", but(webhook_signature=f"v1a,{SIGNED[3:]}")),
    signature("not base64", "matches none", but(webhook_signature="v1,§§§")),
    signature("binary", "matches none", but(webhook_signature=b"v1,\x80\xff")),
    signature("a cut signature", "matches none", but(webhook_signature=SIGNED[:-2])),
    signature("too many signatures", "is longer", but(webhook_signature="v1,AAAA " * 2_000)),
    signature("another secret", "matches none", signed(GOOD, key=b"another")),
    Broken("another body", OPERATIONS, GOOD + b" ", 401, "matches none", headers=signed(GOOD)),
    Broken("no body under a body's signature", OPERATIONS, b"", 401, "matches none", headers=signed(GOOD)),
    Broken("too large", OPERATIONS, body(OPERATION, more=PADDING), 413, "larger than 262144 bytes"),
    Broken("too large and unsigned", OPERATIONS, b"x" * (MAX_BYTES + 1), 413, "larger", headers={}),
    Broken(
        "said to be too large",
        OPERATIONS,
        GOOD,
        413,
        "larger",
        headers={**signed(GOOD), "content-length": "9" * 30},
    ),
    unreadable("an empty body", "not JSON", b""),
    unreadable("text", "not JSON", b"hello"),
    unreadable("a form", "not JSON", b"id=663a258c-5e7c-456f-9759-73e02db8b5d9"),
    unreadable("cut JSON", "not JSON", GOOD[:-1]),
    unreadable("JSON and more", "not JSON", GOOD + b"{}"),
    unreadable("a byte order mark", "not JSON", b"\xef\xbb\xbf" + GOOD),
    unreadable("UTF-16", "not JSON", GOOD.decode().encode("utf-16")),
    unreadable("not UTF-8", "not JSON", GOOD.replace(b"BTC", b"\xff\xfe\xfd")),
    unreadable("half a surrogate pair", "not JSON", GOOD.replace(b"BTC", b"\\ud800")),
    unreadable("NaN", "not JSON", GOOD.replace(b'"0.5"', b"NaN", 1)),
    unreadable("single quotes", "not JSON", GOOD.replace(b'"', b"'")),
    unreadable("too deep", "nested 33 deep", DEEP),
    unreadable("brackets without end", "deep", b"[" * 100_000),
    unreadable("too many keys", "2001 keys", WIDE),
    Broken("an array", OPERATIONS, b"[" + GOOD + b"]", 422, "not a JSON object", ("",)),
    Broken("null", OPERATIONS, b"null", 422, "not a JSON object", ("",)),
    Broken("a number", EXECUTIONS, b"1e400", 400, "not JSON", ("",)),
    Broken("a string", EXECUTIONS, b'"settled"', 422, "not a JSON object", ("",)),
    Broken(
        "an execution among operations",
        OPERATIONS,
        body(EXECUTION),
        422,
        "request_id is missing",
        ("/request_id", "/type", "/allocations"),
    ),
    Broken(
        "an operation among executions",
        EXECUTIONS,
        body(OPERATION),
        422,
        "operation_id is missing",
        ("/operation_id", "/trader_id", "/participant_code", "/account_label", "/instructions"),
    ),
    Broken(
        "an outcome, which is internal", OPERATIONS, OUTCOME, 422, "not of 'execution.outcome'", ("/event",)
    ),
    operation("another event", "not of 'new'", "/event", event="new"),
    operation("an event that is none", "not of 5", "/event", event=5),
    operation(
        "an operation that calls itself an outcome",
        "not of 'execution.outcome'",
        "/event",
        event="execution.outcome",
    ),
    operation("no id", "id is missing", "/id", id=...),
    operation("null for an id", "id is not a string", "/id", id=None),
    operation("a number for an id", "id is not a string", "/id", id=663),
    operation("an id in braces", "not a UUID", "/id", id="{663a258c-5e7c-456f-9759-73e02db8b5d9}"),
    operation("an id with a line's end", "not a UUID", "/id", id=OPERATION["id"] + "\n"),
    operation("a status that is a number", "not a string", "/status", status=3),
    operation("no reason", "status_reason is missing", "/status_reason", status_reason=...),
    operation("allocations that are an object", "not an array", "/allocations", allocations={}),
    operation("an allocation that is text", "not an object", "/allocations/1", allocations__1="ETH"),
    operation(
        "a weight that is a number", "not a string", "/allocations/0/weight", allocations__0__weight=0.5
    ),
    operation("a weight like 1e-1", "decimal", "/allocations/0/weight", allocations__0__weight="1e-1"),
    operation("a weight without a digit", "decimal", "/allocations/1/weight", allocations__1__weight=".5"),
    operation("a date for a time", "RFC 3339", "/created_at", created_at="2026-05-29"),
    operation("a time without zone", "RFC 3339", "/updated_at", updated_at="2026-05-29T18:56:46"),
    operation("a day that no calendar has", "no such time", "/updated_at", updated_at="2026-02-30T00:00:00Z"),
    operation("seconds for a time", "not a string", "/created_at", created_at=1_780_000_000),
    operation(
        "everything wrong at once",
        "not a UUID",
        "/id",
        "/type",
        "/status",
        "/allocations/0/weight",
        "/allocations/1/underlying_currency",
        "/updated_at",
        id="1",
        type=None,
        status=...,
        allocations__0__weight="½",
        allocations__1__underlying_currency=...,
        updated_at="2026-06-31T00:00:00Z",
    ),
    execution("another event of an execution", "not of 'new'", "/event", event="new"),
    execution("an event of an execution that is none", "not of true", "/event", event=True),
    execution(
        "an execution that calls itself an operation",
        "not of 'trade_strategy.operation.status_changed'",
        "/event",
        event="trade_strategy.operation.status_changed",
    ),
    execution("a trader that is null", "not a string", "/trader_id", trader_id=None),
    execution("a trader that is no UUID", "UUID or empty", "/trader_id", trader_id="nobody"),
    execution("instructions that are null", "not an array", "/instructions", instructions=None),
    execution("an instruction that is null", "not an object", "/instructions/0", instructions__0=None),
    execution(
        "an amount with a comma", "decimal", "/instructions/0/amount", instructions__0__amount="73,471.61"
    ),
    execution("a price of Infinity", "decimal", "/instructions/1/price", instructions__1__price="Infinity"),
    execution(
        "a quantity beyond all digits",
        "decimal",
        "/instructions/1/quantity",
        instructions__1__quantity="9" * 40,
    ),
    execution(
        "trade ids in one text", "not an array", "/instructions/0/trade_ids", instructions__0__trade_ids="a,b"
    ),
    execution(
        "a trade id that is a number",
        "not a string",
        "/instructions/0/trade_ids/0",
        instructions__0__trade_ids=[1],
    ),
    execution(
        "a fill on no day",
        "no such time",
        "/instructions/1/executed_at",
        instructions__1__executed_at="2026-02-29T00:00:00Z",
    ),
    execution("a side that is true", "not a string", "/instructions/0/side", instructions__0__side=True),
]


@pytest.mark.parametrize("case", BROKEN, ids=[case.name for case in BROKEN])
async def test_a_broken_request_is_refused_with_its_reason(case: Broken) -> None:
    producer = Appended()
    async with client(producer) as gateway:
        response = await post(gateway, case.path, case.body, case.headers)
    problem = response.json()
    assert (response.status_code, case.reason in problem["detail"]) == (case.status, True), problem
    assert tuple(error["pointer"] for error in problem.get("errors", ())) == case.pointers
    assert all(error["detail"] for error in problem.get("errors", ()))
    assert problem["status"] == case.status
    assert problem["title"]
    assert problem["type"] == "about:blank"
    assert response.headers["content-type"] == "application/problem+json"
    assert ("www-authenticate" in response.headers) == (case.status == 401)
    assert str(case.status) in document()["paths"][case.path]["post"]["responses"]
    assert SIGNED not in response.text
    assert producer.records == []


def test_the_table_holds_at_least_forty_requests_each_of_its_own() -> None:
    assert len({(case.path, case.body, str(case.headers)) for case in BROKEN}) >= 40


@pytest.mark.parametrize("size", [1_000, MAX_BYTES])
async def test_a_chunked_body_is_refused_once_it_is_too_large_and_read_no_further(size: int) -> None:
    content = body(OPERATION, more=PADDING * 4)
    given = 0

    async def counted() -> Any:
        nonlocal given
        async for piece in pieces(content, size):
            given += len(piece)
            yield piece

    async with client(Appended()) as gateway:
        response = await gateway.post(OPERATIONS, content=counted(), headers=raw(signed(content)))
    assert response.status_code == 413
    assert given <= MAX_BYTES + size


@pytest.mark.parametrize(
    ("method", "path", "status", "allowed"),
    [
        ("GET", OPERATIONS, 405, "POST"),
        ("PUT", EXECUTIONS, 405, "POST"),
        ("DELETE", "/healthz", 405, "GET"),
        ("POST", "/webhooks/trade-strategy", 404, None),
        ("POST", OPERATIONS + "/", 404, None),
        ("POST", OPERATIONS.upper(), 404, None),
        ("GET", "/", 404, None),
        ("GET", "/..%2f..%2fetc/passwd%00", 404, None),
    ],
)
async def test_other_paths_and_methods_are_refused_in_the_same_form(
    method: str, path: str, status: int, allowed: str | None
) -> None:
    async with client(Appended()) as gateway:
        response = await gateway.request(method, path)
    assert (response.status_code, response.json()["status"]) == (status, status)
    assert response.headers["content-type"] == "application/problem+json"
    assert allowed is None or allowed in response.headers["allow"]


async def test_a_signed_header_that_comes_twice_is_not_guessed_at() -> None:
    headers = [*raw(signed(GOOD)), (b"webhook-id", b"msg_2")]
    async with client(Appended()) as gateway:
        response = await gateway.post(OPERATIONS, content=GOOD, headers=headers)
    assert response.status_code == 401
    assert response.json()["detail"] == "webhook-id is there more than once"


async def test_of_very_many_findings_the_first_hundred_are_listed() -> None:
    content = body(EXECUTION, instructions=[1] * 10_000)
    async with client(Appended()) as gateway:
        response = await post(gateway, EXECUTIONS, content)
    assert response.status_code == 422
    assert len(response.json()["errors"]) == 100
    assert "9900 findings more" in response.json()["detail"]


@pytest.mark.parametrize(
    ("content", "headers", "status"),
    [
        (b"x" * (MAX_BYTES + 1), {}, 413),
        (b"not JSON", {}, 401),
        (b"not JSON", None, 400),
        (b"{}", None, 422),
        (GOOD, None, 503),
    ],
)
async def test_of_several_reasons_the_first_in_order_is_told(
    content: bytes, headers: Mapping[str, str | bytes] | None, status: int
) -> None:
    """Size, signature, JSON, fields; and only what passes all of them is for Kafka, which here is away."""
    async with client(Appended("it is away")) as gateway:
        response = await post(gateway, OPERATIONS, content, headers)
    assert response.status_code == status


async def test_while_kafka_is_away_the_sender_is_told_when_to_come_back() -> None:
    async with client(Appended("no acknowledgement within 5 s"), (b"other", KEY)) as gateway:
        response = await post(gateway, EXECUTIONS, body(EXECUTION))
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) > 0
    assert response.json()["detail"] == "Kafka does not answer: no acknowledgement within 5 s"
