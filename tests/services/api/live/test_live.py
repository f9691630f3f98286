"""The page's routes on a running deployment: who may ask them, and what they answer."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.services.api.conftest import SERVICES, Running
from tests.services.api.process import ELSEWHERE, Api, api
from tests.services.cli.command import run

pytestmark = pytest.mark.real

DATA = (
    "/live/stream",
    "/live/entity?service=agents&id=x",
    "/live/entity/history?service=agents&id=x",
    "/live/equity?id=x",
)
SNAPSHOT = {
    "event": "snapshot",
    "ts": "2026-01-01T00:00:00Z",
    "equity": "100.50",
    "phase": "LIVE",
    "drawdown": "0.01",
    "daily_drawdown_used": "0.2",
}


def _status(running: Running, path: str, **headers: str) -> int:
    with httpx.stream("GET", running.api.url + path, headers=headers, timeout=60) as answer:
        return answer.status_code


def _push(running: Running, service: str, *documents: Any, key: str = "a1") -> None:
    lines = "\n".join(map(json.dumps, documents)).encode()
    done = run(running.settings, "push", service, "-", "--key", key, given=lines)
    assert done.status == 0, done.err


def _events(answer: httpx.Response) -> Iterator[tuple[str, Any]]:
    kind = ""
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if name == "event":
            kind = value
        elif name == "data":
            yield kind, json.loads(value)


@contextlib.contextmanager
def _watching(one: Api) -> Iterator[Iterator[tuple[str, Any]]]:
    with httpx.stream("GET", one.url + "/live/stream", timeout=30) as answer:
        assert answer.status_code == 200, answer.read()
        assert answer.headers["content-type"].startswith("text/event-stream")
        assert answer.headers["cache-control"] == "no-store"
        yield _events(answer)


def _refused(running: Running) -> str:
    """Have an input refused; where its letter lies."""
    known = {one["place"] for one in run(running.settings, "dead", "list", "agents", "--json").json}
    _push(running, "agents", {"event": "snapshot", "ts": "never", "n": uuid.uuid4().hex})
    end = time.monotonic() + 30
    while time.monotonic() < end:
        for one in run(running.settings, "dead", "list", "agents", "--json").json:
            if one["place"] not in known:
                return str(one["place"])
        time.sleep(0.3)
    raise AssertionError("the input was not refused")


def test_the_page_itself_is_for_everybody_and_allows_nothing_from_elsewhere(running: Running) -> None:
    page = running.api.get("/", ELSEWHERE)
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'self'")
    assert "unsafe" not in policy
    again = running.api.get("/", {"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    for name in ("main.js", "style.css"):
        assert running.api.get(f"/page/{name}", ELSEWHERE).headers["x-content-type-options"] == "nosniff"
    for name in ("nothing.js", "..%2f__init__.py", "%00", "files.py"):
        assert running.api.get(f"/page/{name}").status_code == 404


@pytest.mark.parametrize("path", DATA)
def test_what_crosses_organizations_is_open_on_this_machine_and_needs_a_token_elsewhere(
    running: Running, path: str
) -> None:
    there = 200 if path == "/live/stream" else 404  # there is no agent x
    assert _status(running, path) == there
    assert _status(running, path, **ELSEWHERE) == 401
    assert _status(running, path, **ELSEWHERE, **running.bearer("agents:read", "dead:redrive")) == 403
    assert _status(running, path, **ELSEWHERE, **running.bearer("live:read")) == there


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8000", "192.0.2.1", "localhost.evil.example", "[", ""]
)
def test_a_name_of_somebody_else_that_leads_to_this_machine_is_not_this_machine(
    running: Running, host: str
) -> None:
    assert _status(running, DATA[1], Host=host) in (401, 400)
    for ours in ("localhost", "localhost:1", "127.0.0.1", "[::1]:8000"):
        assert _status(running, DATA[1], Host=ours) == 404


def test_another_origins_page_in_a_browser_here_is_refused(running: Running) -> None:
    for site, status in (("cross-site", 401), ("same-site", 401), ("same-origin", 404), ("none", 404)):
        assert _status(running, DATA[1], **{"Sec-Fetch-Site": site}) == status


def test_the_stream_tells_everything_and_then_what_changes(running: Running) -> None:
    with _watching(running.api) as events:
        kind, state = next(events)
        assert kind == "state"
        assert [one["service"] for one in state["services"]] == list(SERVICES)
        assert all(part["ready"] for one in state["services"] for part in one["partitions"])
        assert state["away"] == {"kafka": None, "redis": None}
        agent = f"agent-{uuid.uuid4().hex[:6]}"
        _push(running, "agents", SNAPSHOT, key=agent)
        told: dict[str, Any] = {}
        for kind, data in events:
            told[kind] = data
            if any(line["subject"] == agent for line in told.get("feed", [])) and "agents" in told:
                break
        assert any(one["id"] == agent and one["equity"] == "100.50" for one in told["agents"])


def test_head_of_anything_ends(running: Running) -> None:
    for path in ("/", "/page/main.js", "/live/stream"):
        answer = httpx.head(running.api.url + path, timeout=60)
        assert (answer.status_code, answer.content) == (200, b"")


def test_a_refused_input_is_told_as_a_line_and_a_letter(running: Running) -> None:
    with _watching(running.api) as events:
        next(events)
        place = _refused(running)
        told: dict[str, Any] = {}
        for kind, data in events:
            told[kind] = data
            if any(one["place"] == place for one in told.get("letters", [])):
                break
        assert any(line["mark"] == "refusal" for line in told["feed"])


def test_an_entitys_past_is_that_of_the_other_routes(running: Running) -> None:
    agent = f"agent/{uuid.uuid4().hex[:6]}"  # a slash is no separator here
    second = {**SNAPSHOT, "ts": "2026-01-01T00:01:00Z", "equity": "90"}
    _push(running, "agents", SNAPSHOT, second, key=agent)
    where = {"service": "agents", "id": agent}
    end = time.monotonic() + 30
    while True:
        past = httpx.get(running.api.url + "/live/entity/history", params=where, timeout=60)
        if past.status_code == 200 and len(past.json()["data"]) >= 2:  # and its clock
            break
        assert time.monotonic() < end, past.text
        time.sleep(0.2)
    behind = httpx.get(running.api.url + "/live/entity/history", params={**where, "after": 1}, timeout=60)
    assert behind.json()["data"] == past.json()["data"][1:]
    curve = httpx.get(running.api.url + "/live/equity", params={"id": agent, "limit": 9}, timeout=60)
    assert [one["equity"] for one in curve.json()["data"]] == ["90", "100.50"]
    assert past.json()["data"][1]["changed"]["equity"] == ["100.50", "90"]
    for step, equity in ((1, "100.50"), (2, "90")):
        shown = httpx.get(running.api.url + "/live/entity", params={**where, "as_of": step}, timeout=60)
        assert shown.json()["data"]["equity"] == equity


@pytest.mark.parametrize(
    ("asked", "status"),
    [
        ("", 404),
        ("service=nothing&id=x", 404),
        ("service=operations&id=x", 404),  # not among this deployment's services
        ("service=agents", 404),
        ("service=agents&id=x:log", 404),
        ("service=agents&id=%00", 404),
        ("service=strategies&id=acct-1", 404),
        ("service=strategies&id=acct-1:no:log", 404),
        ("service=agents&id=" + "x" * 9_000, 404),
        ("service=agents&id=x&as_of=yesterday", 422),
        ("service=agents&id=x&after=-1", 422),
    ],
)
def test_entities_that_are_none(running: Running, asked: str, status: int) -> None:
    for path in ("/live/entity", "/live/entity/history"):
        answer = running.api.get(f"{path}?{asked}")
        of_the_other = "as_of" in asked if path.endswith("history") else "after" in asked
        expected = 404 if of_the_other else status
        assert answer.status_code == expected, answer.text
        assert answer.headers["content-type"] == "application/problem+json"


def test_a_letter_is_sent_again_only_with_a_token_that_may(running: Running) -> None:
    def post(body: bytes, **headers: str) -> httpx.Response:
        return httpx.post(running.api.url + "/live/dead/redrive", content=body, headers=headers, timeout=30)

    place = _refused(running)
    body = json.dumps({"place": place}).encode()
    before = len(run(running.settings, "dead", "list", "agents", "--json").json)
    assert post(body).status_code == 401
    assert post(body, **running.bearer("live:read", "agents:read")).status_code == 403
    mine = running.bearer("dead:redrive")
    for wrong in (b"[]", b"{}", b'{"place":1}', b'{"place":"x"}', b'{"place":"agents.in/0/0"}'):
        assert post(wrong, **mine).status_code == 422
    assert post(b'{"place":"agents.dead/99/0"}', **mine).status_code == 422
    assert post(b"x", **mine).status_code == 400
    assert post(b'{"place":"agents.dead/0/99999"}', **mine).status_code == 404
    assert len(run(running.settings, "dead", "list", "agents", "--json").json) == before

    done = post(body, **mine)
    assert (done.status_code, done.json()) == (202, {"data": {"redriven": 1, "service": "agents"}})
    end = time.monotonic() + 30
    while len(run(running.settings, "dead", "list", "agents", "--json").json) == before:
        assert time.monotonic() < end, "what was sent again was not refused again"
        time.sleep(0.3)


def test_one_that_reads_nothing_is_hung_up_on_and_keeps_nobody_waiting(running: Running) -> None:
    where = urlsplit(running.api.url)
    with socket.socket() as stuck:
        stuck.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        stuck.connect((where.hostname, where.port))
        stuck.sendall(b"GET /live/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with _watching(running.api) as events:
            began = time.monotonic()
            for _ in range(5):
                next(events)
            assert time.monotonic() - began < 15


def test_open_pages_do_not_hold_up_the_end_of_the_process(running: Running, tmp_path: Path) -> None:
    with api(tmp_path / "api.log", running.settings) as one:
        one.wait(200)
        with _watching(one) as events:
            next(events)
            began = time.monotonic()
            one.process.send_signal(signal.SIGTERM)
            for _ in events:
                pass  # ends in order, which httpx would tell otherwise
            assert one.process.wait(10) == 0
            assert time.monotonic() - began < 6
        assert "Traceback" not in one.log.read_text()
