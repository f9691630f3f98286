"""What the gateway answers where nothing is broken, and how it holds out where a sender misbehaves."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from libs.ledger.reading import MAX_BYTES
from libs.web.problems import Refusal
from services.gateway.app import build
from services.gateway.body import Gone, Room, read_body
from services.gateway.examples import EXAMPLES
from services.gateway.intake import WEBHOOKS, Webhook
from tests.services.gateway.harness import (
    EXECUTION,
    EXECUTIONS,
    KEY,
    NOW,
    OPERATIONS,
    Appended,
    body,
    client,
    pieces,
    post,
    raw,
    signed,
)

CASES = [(webhook, name) for webhook in WEBHOOKS for name in EXAMPLES[webhook.service]]


@pytest.mark.parametrize(("webhook", "name"), CASES, ids=[f"{w.service} {name}" for w, name in CASES])
@pytest.mark.parametrize("indent", [None, 4])
async def test_the_sources_examples_are_taken_byte_for_byte(
    webhook: Webhook, name: str, indent: int | None
) -> None:
    producer = Appended()
    content = json.dumps(EXAMPLES[webhook.service][name], indent=indent).encode()
    async with client(producer) as gateway:
        response = await post(gateway, webhook.path, content)
    assert response.status_code == 202
    assert response.json() == {"data": {"accepted": True, "id": EXAMPLES[webhook.service][name]["id"]}}
    (record,) = producer.records
    assert (record.service, record.value) == (webhook.service, content)


@pytest.mark.parametrize(
    "kind", [None, "application/json", "text/plain", "nonsense", "application/json; charset=x"]
)
async def test_the_content_type_is_not_judged(kind: str | None) -> None:
    content = body(EXECUTION)
    headers = signed(content) if kind is None else {**signed(content), "content-type": kind}
    async with client(Appended()) as gateway:
        assert (await post(gateway, EXECUTIONS, content, headers)).status_code == 202


@pytest.mark.parametrize("size", [1, 7, 10_000])
async def test_a_chunked_body_is_put_together(size: int) -> None:
    producer = Appended()
    content = body(EXECUTION)
    async with client(producer) as gateway:
        response = await gateway.post(EXECUTIONS, content=pieces(content, size), headers=raw(signed(content)))
    assert response.status_code == 202
    assert producer.records[0].value == content


async def test_a_body_of_exactly_the_cap_is_taken() -> None:
    content = body(EXECUTION)
    content += b" " * (MAX_BYTES - len(content))
    async with client(Appended()) as gateway:
        assert (await post(gateway, EXECUTIONS, content)).status_code == 202


async def test_health_readiness_and_metrics() -> None:
    async with client(Appended()) as gateway:
        assert (await gateway.get("/healthz")).json() == {"data": {"status": "ok"}}
        assert (await gateway.get("/readyz")).json() == {"data": {"status": "ready"}}
        await post(gateway, EXECUTIONS, body(EXECUTION))
        await post(gateway, OPERATIONS, b"{}")
        for path in ("/a", "/b"):
            await gateway.get(path)
        text = (await gateway.get("/metrics")).text
    assert f'stratafold_gateway_requests_total{{route="{EXECUTIONS}",status="202"}} 1.0' in text
    assert f'stratafold_gateway_requests_total{{route="{OPERATIONS}",status="422"}} 1.0' in text
    assert 'stratafold_gateway_requests_total{route="other",status="404"} 2.0' in text
    assert f'stratafold_gateway_request_seconds_count{{route="{EXECUTIONS}"}} 1.0' in text


async def test_it_is_healthy_but_not_ready_while_kafka_is_away() -> None:
    async with client(Appended("no broker answers")) as gateway:
        assert (await gateway.get("/healthz")).status_code == 200
        response = await gateway.get("/readyz")
    assert response.status_code == 503
    assert "no broker answers" in response.json()["detail"]
    assert int(response.headers["retry-after"]) > 0


async def test_the_description_is_true_of_routes_models_and_examples() -> None:
    async with client(Appended()) as gateway:
        described = (await gateway.get("/openapi.json")).json()
    assert described["openapi"].startswith("3.1.")
    assert set(described["paths"]) == {
        *(webhook.path for webhook in WEBHOOKS),
        "/healthz",
        "/readyz",
        "/metrics",
        "/openapi.json",
    }
    schemas = described["components"]["schemas"]
    for webhook in WEBHOOKS:
        content = described["paths"][webhook.path]["post"]["requestBody"]["content"]["application/json"]
        model: type[BaseModel] = webhook.model
        schema = schemas[content["schema"]["$ref"].removeprefix("#/components/schemas/")]
        assert list(schema["properties"]) == list(model.model_fields)
        for example in content["examples"].values():
            model.model_validate(example["value"])
    references = [value for key, value in walk(described) if key == "$ref"]
    assert {reference.removeprefix("#/components/schemas/") for reference in references} <= set(schemas)


def walk(place: Any) -> list[tuple[str, Any]]:
    """All keys with their values, at any depth."""
    if isinstance(place, list):
        return [pair for inner in place for pair in walk(inner)]
    if not isinstance(place, dict):
        return []
    return [pair for key, value in place.items() for pair in [(key, value), *walk(value)]]


Receive = Callable[[], Any]


def receiving(*messages: dict[str, Any]) -> Receive:
    left = iter(messages)

    async def receive() -> dict[str, Any]:
        message = next(left, None)
        if message is None:
            await asyncio.Event().wait()
            raise AssertionError
        return message

    return receive


def piece(content: bytes) -> dict[str, Any]:
    return {"type": "http.request", "body": content, "more_body": True}


async def test_a_body_that_trickles_is_given_up() -> None:
    with Room().hold() as held, pytest.raises(Refusal) as refused:
        await read_body(receiving(piece(b"{")), held, deadline=0.05)
    assert (refused.value.status, refused.value.headers) == (408, {"Connection": "close"})


async def test_a_sender_that_goes_away_gets_no_answer_and_leaves_no_bytes_behind() -> None:
    room = Room()
    before = room.left
    with room.hold() as held, pytest.raises(Gone):
        await read_body(receiving(piece(b"{"), {"type": "http.disconnect"}), held)
    assert room.left == before

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "POST", "path": OPERATIONS, "headers": [], "query_string": b""}
    await build([KEY], Appended(), lambda: NOW)(scope, receiving({"type": "http.disconnect"}), send)
    assert sent == []


async def test_requests_together_hold_no_more_than_there_is_room() -> None:
    room = Room(10)
    with room.hold() as first:
        first.more(8)
        with room.hold() as second, pytest.raises(Refusal) as refused:
            second.more(3)
        assert refused.value.status == 503
        assert refused.value.headers is not None
        assert "Retry-After" in refused.value.headers
        assert room.left == 2
    assert room.left == 10


async def test_a_delivery_is_no_line_in_the_log_whatever_is_answered() -> None:
    with capture_logs() as lines:
        async with client(Appended()) as gateway:
            for content in (body(EXECUTION), b"{}", b"no json"):
                assert (await post(gateway, EXECUTIONS, content)).status_code in (202, 400, 422)
            assert (await post(gateway, EXECUTIONS, body(EXECUTION), {})).status_code == 401
    assert lines == []
