"""A request that changes something is a span, and the app finds that span's traceparent in place of the sender's."""

from __future__ import annotations

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.contextvars import get_contextvars

from libs.contracts.traceparent import of_request
from libs.web.requests import by_endpoint
from libs.web.traced import Traced
from tests.libs.telemetry.recording import Recording, trace_of, traceparent_of

SENDERS = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-"


async def seen(request: Request) -> Response:
    """What the app finds."""
    if request.path_params["id"] == "lines":
        return PlainTextResponse(str(get_contextvars().get("trace_id")))
    if request.path_params["id"] == "broken":
        raise RuntimeError("a fault of ours")
    return PlainTextResponse(str(of_request(request.headers.raw)), 202)


def client(recording: Recording) -> httpx.AsyncClient:
    routes = [Route("/things/{id}", seen, methods=["GET", "POST"])]
    app = Traced(Starlette(routes=routes), recording.traces, by_endpoint(routes))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://api")


async def test_what_a_request_leads_to_joins_the_senders_trace() -> None:
    recording = Recording(share=0)
    found = (await client(recording).post("/things/7", headers={"traceparent": f"{SENDERS}01"})).text
    (span,) = recording.spans()
    assert found == traceparent_of(span)
    assert trace_of(span) == SENDERS.split("-")[1]
    assert span.name == "POST /things/{id}"
    assert span.attributes is not None
    assert span.attributes["http.response.status_code"] == 202
    assert span.attributes["url.path"] == "/things/7"


async def test_a_request_of_no_trace_begins_one() -> None:
    recording = Recording()
    found = (await client(recording).post("/things/7")).text
    (span,) = recording.spans()
    assert (found, span.parent) == (traceparent_of(span), None)


async def test_who_asks_for_no_trace_gets_none_whatever_the_share() -> None:
    recording = Recording(share=1)
    sent = client(recording).post("/things/7", headers={"traceparent": f"{SENDERS}00"})
    assert (await sent).text == "None"
    assert recording.spans() == []


@pytest.mark.parametrize("theirs", [None, f"{SENDERS}00", "what is none"])
async def test_what_is_not_sampled_leads_to_no_trace(theirs: str | None) -> None:
    recording = Recording(share=0)
    headers = {} if theirs is None else {"traceparent": theirs}
    assert (await client(recording).post("/things/7", headers=headers)).text == "None"
    assert recording.spans() == []


async def test_lines_that_are_logged_meanwhile_name_the_trace() -> None:
    recording = Recording(share=0)
    sent = client(recording).post("/things/lines", headers={"traceparent": f"{SENDERS}01"})
    assert (await sent).text == SENDERS.split("-")[1]


async def test_reading_is_no_span() -> None:
    recording = Recording()
    assert (await client(recording).get("/things/7")).status_code == 202
    assert recording.spans() == []


async def test_a_fault_is_told_of() -> None:
    recording = Recording()
    assert (await client(recording).post("/things/broken")).status_code == 500
    (span,) = recording.spans()
    assert not span.status.is_ok
