"""From Kafka through the workers to an answer: Get Strategy of 004 and the REST side of 002, by keys and tokens."""

from __future__ import annotations

import asyncio
import json
import signal
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from redis import Redis

from tests.real.topics import Push
from tests.services.api.conftest import ACCOUNT, SERVICES, Running
from tests.services.api.process import ELSEWHERE, api, refused, signed
from tests.services.cli.command import run

pytestmark = pytest.mark.real

STRATEGY = "strat_8f2a1b"
PATH = f"/api/v1/strategies/{STRATEGY}"
POSITION = {
    "position_id": "pos_4ab9c0",
    "symbol": "BTCUSDT",
    "side": "long",
    "entry_price": "67234.50",
    "quantity": "0.0150",
    "leverage": 3,
    "notional": "1008.52",
}
FILL = {
    "order_id": "ord_77e2b1",
    "position_id": "pos_4ab9c0",
    "symbol": "BTCUSDT",
    "side": "buy",
    "type": "limit",
    "price": "67234.50",
    "quantity": "0.0150",
    "filled_quantity": "0.0050",
    "fee": "0.5039",
    "fee_currency": "USDT",
}


def event(name: str, seq: int, data: dict[str, Any], strategy_id: str = STRATEGY) -> bytes:
    at = f"2026-04-29T12:00:{seq % 60:02}.000Z"
    told = {"channel": "strategy.status", "event": name, "strategy_id": strategy_id, "seq": seq, "ts": at}
    return json.dumps({**told, "data": data}).encode()


def fold(running: Running, service: str, key: str, *values: bytes) -> None:
    """Push inputs and wait until they are folded."""
    deployment = running.deployment
    pushes = [Push(deployment.topic(f"{service}.in"), value, key.encode()) for value in values]
    asyncio.run(deployment.push(pushes))
    asyncio.run(deployment.settle(services=SERVICES))


def data(response: httpx.Response) -> Any:
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "application/json"
    return response.json()["data"]


def test_get_strategy_has_what_004_told_and_joins_the_accounts_stream_at_the_read(running: Running) -> None:
    fold(
        running,
        "strategies",
        ACCOUNT,
        event("deployed", 1, {}),
        event("position_opened", 2, POSITION),
        event("order_filled", 3, FILL),
    )
    expected = {
        "id": STRATEGY,
        "account": ACCOUNT,
        "status": "deployed",
        "error": None,
        "positions": [POSITION],
        "orders": [{name: value for name, value in FILL.items() if name not in ("fee", "fee_currency")}],
        "realized_pnl": "0",
        "fees": {"USDT": "0.5039"},
        "completeness": "complete",
        "gaps": [],
        "upstream_seq": 3,
        "seq": 3,
    }
    by_key = running.api.get(PATH, signed(running.key, running.secret, PATH))
    assert data(by_key) == expected
    assert list(by_key.json()["data"]) == list(expected)
    assert data(running.api.get(PATH + "?x=1", {"Authorization": running.token})) == expected
    # another strategy of the account opens a gap: this one's own facts do not know of it, its account does
    fold(running, "strategies", ACCOUNT, event("deployed", 6, {}, "another"))
    told = data(running.api.get(PATH, {"Authorization": running.token}))
    assert told == {
        **expected,
        "completeness": "suspect",
        "gaps": [[4, 5]],
        "upstream_seq": 6,
        "seq": 4,
    }
    fold(running, "strategies", ACCOUNT, event("error", 4, {"code": "C", "message": "m", "fatal": True}))
    told = data(running.api.get(PATH, {"Authorization": running.token}))
    assert (told["status"], told["error"]) == ("error", {"code": "C", "message": "m"})
    assert told["gaps"] == [[5, 5]]


def test_a_strategys_past_its_history_and_the_accounts_list(running: Running) -> None:
    account, base = "acct-past", "/api/v1/strategies"
    fold(running, "strategies", account, event("deployed", 1, {}, "past"), event("paused", 2, {}, "past"))
    fold(running, "strategies", account, event("deployed", 3, {}, "more"))
    token = running.bearer("strategies:read", organization=account)

    def get(path: str) -> httpx.Response:
        return running.api.get(base + path, token)

    now, then = data(get("/past")), data(get("/past?as_of=1"))
    assert (now["status"], then["status"]) == ("paused", "deployed")
    assert data(get("/past?as_of=2")) == data(get("/past?as_of=99")) == now
    unknown = ("completeness", "gaps", "upstream_seq", "seq")
    assert [then[name] for name in unknown] == [None] * 4, (
        "a strategy's history does not tell of its account's"
    )
    for wrong, status in (("/past?as_of=0", 404), ("/past?as_of=x", 422), ("/none?as_of=1", 404)):
        assert get(wrong).status_code == status
    history = data(get("/past/history"))
    assert [(one["sequence"], one["verdict"]) for one in history] == [(1, "applied"), (2, "applied")]
    assert history[1]["changed"]["status"] == ["deployed", "paused"]
    assert data(get("/past/history?limit=1")) == history[:1]
    assert get("/none/history").status_code == 404

    listed = data(get(""))
    assert listed == [data(get("/more")), now]
    assert [one["id"] for one in data(get("?status=paused"))] == ["past"]
    first = get("?limit=1").json()
    assert [one["id"] for one in first["data"]] == ["more"]
    rest = get(f"?limit=1&cursor={first['next_cursor']}").json()
    assert ([one["id"] for one in rest["data"]], rest["next_cursor"]) == (["past"], None)
    assert get("?status=settled").status_code == get("?limit=0").status_code == 422
    nobody = running.bearer("strategies:read", organization="nobody")
    assert running.api.get(base, nobody).json() == {"data": [], "next_cursor": None}
    assert running.api.get(f"{base}/past/history", nobody).status_code == 404
    assert running.api.get(base, running.bearer("agents:read", organization=account)).status_code == 403
    assert running.api.get(base).status_code == running.api.get(f"{base}/past/history").status_code == 401


def test_another_accounts_strategy_is_not_there(running: Running) -> None:
    fold(running, "strategies", "acct-2", event("deployed", 1, {}, "theirs"))
    path = "/api/v1/strategies/theirs"
    assert running.api.get(path, signed(running.key, running.secret, path)).status_code == 404
    assert running.api.get(path, {"Authorization": running.token}).status_code == 404
    theirs = running.bearer("strategies:read", organization="acct-2")
    assert data(running.api.get(path, theirs))["account"] == "acct-2"


def test_a_signature_is_good_once_in_all_processes_together(running: Running, tmp_path: Path) -> None:
    fold(running, "strategies", ACCOUNT, event("deployed", 1, {}, "once"))
    path = "/api/v1/strategies/once"
    with api(tmp_path / "second.log", running.settings) as second:
        second.wait(200)
        for first, other in ((running.api, second), (second, running.api)):
            headers = signed(running.key, running.secret, path)
            assert first.get(path, headers).status_code == 200
            again = other.get(path, headers)
            assert (again.status_code, again.json()["detail"]) == (401, "the signature was used before")
        second.process.send_signal(signal.SIGTERM)
        assert second.process.wait(15) == 0
        assert "Traceback" not in second.log.read_text()


def test_tokens_are_known_after_redis_lost_them_and_unknown_once_revoked(running: Running) -> None:
    headers = running.bearer("strategies:read", organization="nobody")
    assert running.api.get(PATH, headers).status_code == 404
    with Redis.from_url(running.deployment.servers.redis) as redis:
        redis.delete(running.deployment.names.key("credentials"))
    assert running.api.get(PATH, headers).status_code == 404
    token = headers["Authorization"].removeprefix("Bearer ")
    assert run(running.settings, "token", "revoke", token).status == 0
    answer = running.api.get(PATH, headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")


def snapshot(number: int, equity: str) -> bytes:
    """Of just now: of an agent that fell silent, the worker would say so amid a test."""
    at = datetime.now(UTC) - timedelta(seconds=60 - number)
    return (
        f'{{"event": "snapshot", "ts": "{at.isoformat(timespec="seconds").replace("+00:00", "Z")}", '
        f'"equity": {equity}, "phase": "scan", "drawdown": "0.012", "daily_drawdown_used": 0.031}}'
    ).encode()


BLOCKS = [
    {"event": "risk_veto", "ts": "2026-05-29T18:20:01Z", "rule": "r", "explanation": "e", "order_ref": None},
    {"event": "twak_block", "ts": "2026-05-29T18:20:02Z", "rule": "r", "explanation": "e", "order_ref": "o"},
]


def pages(running: Running, path: str) -> list[dict[str, Any]]:
    """All of a list, page by page."""
    items: list[dict[str, Any]] = []
    answer = running.api.get(path).json()
    items += answer["data"]
    while answer["next_cursor"] is not None:
        answer = running.api.get(f"{path}&cursor={answer['next_cursor']}").json()
        assert answer["data"]
        items += answer["data"]
    return items


def test_agents_and_what_they_told_newest_first_by_the_page(running: Running) -> None:
    for path in ("/agents/current", "/agents/current/equity"):
        assert running.api.get(path).status_code == 404
    assert running.api.get("/agents").json() == {"data": [], "next_cursor": None}

    blocks = [json.dumps(one).encode() for one in BLOCKS]
    fold(
        running, "agents", "agent-1", *(snapshot(minute, f"1.{minute}0") for minute in range(10, 15)), *blocks
    )
    alone = data(running.api.get("/agents/agent-1"))
    assert (alone["id"], alone["equity"], alone["risk_vetoes_total"]) == ("agent-1", "1.140", 1)
    assert data(running.api.get("/agents/current")) == alone
    assert data(running.api.get("/agents")) == [alone]
    assert data(running.api.get("/agents/current/risk/blocks")) == BLOCKS[::-1]
    assert data(running.api.get("/agents/agent-1/trades")) == []

    seen = pages(running, "/agents/agent-1/equity?limit=2")
    assert [one["equity"] for one in seen] == ["1.140", "1.130", "1.120", "1.110", "1.100"]

    assert data(running.api.get("/agents/agent-1?as_of=2"))["equity"] == "1.110"
    assert running.api.get("/agents/agent-1?as_of=x").status_code == 422
    history = data(running.api.get("/agents/current/history?limit=2"))
    assert [one["data"]["equity"] for one in history] == [1.1, 1.11]
    assert history[1]["changed"]["equity"] == ["1.100", "1.110"]

    for number in range(2, 7):
        fold(running, "agents", f"agent-{number}", snapshot(30, "1"))
    assert running.api.get("/agents/current").status_code == 409
    assert running.api.get("/agents/current/journal").status_code == 409
    listed = pages(running, "/agents?limit=4")
    assert sorted(one["id"] for one in listed) == [f"agent-{number}" for number in range(1, 7)]
    change = {"event": "status_change", "ts": "2026-05-29T18:20:01Z", "from": "IDLE", "to": "RUNNING"}
    fold(running, "agents", "agent-3", json.dumps(change).encode())
    assert [one["id"] for one in data(running.api.get("/agents?status=RUNNING"))] == ["agent-3"]
    assert data(running.api.get("/agents?status=IDLE")) == []
    listed = pages(running, "/agents?limit=4")
    recorded = [one["last_recorded_at"] for one in listed]
    assert recorded == sorted(recorded, reverse=True)


def test_agents_are_open_to_this_machine_and_need_a_token_elsewhere(running: Running) -> None:
    assert running.api.get("/agents").status_code == 200
    assert running.api.get("/agents", ELSEWHERE).status_code == 401
    assert running.api.get("/agents/x/equity", ELSEWHERE).status_code == 401
    lacking = running.api.get("/agents", {**ELSEWHERE, **running.bearer("strategies:read")})
    assert lacking.status_code == 403
    assert "agents:read" in lacking.json()["detail"]
    assert running.api.get("/agents", {**ELSEWHERE, "Authorization": running.token}).status_code == 200


def test_the_description_names_every_route_that_answers(running: Running) -> None:
    description = running.api.get("/openapi.json").json()
    assert description["openapi"].startswith("3.1")
    paths = [path for path, methods in description["paths"].items() if "get" in methods]
    paths.remove("/live/stream")  # has no end
    for path in paths:
        given = path.replace("{strategy_id}", "x").replace("{id}", "x")
        problem = running.api.get(given)
        assert problem.status_code in (200, 401, 404)
        assert problem.status_code == 200 or "there is nothing at" not in problem.json()["detail"]


def test_the_description_of_topics_names_those_of_the_namespace(running: Running) -> None:
    channels = running.api.get("/asyncapi.json").json()["channels"]
    assert channels["agents.state"]["address"] == running.deployment.topic("agents.state")


def test_metrics_count_by_the_route_and_not_by_what_strangers_make_up(running: Running) -> None:
    running.api.get("/agents/made-up-by-a-stranger")
    running.api.get("/made/up")
    text = running.api.get("/metrics").text
    assert 'stratafold_api_requests_total{route="/agents/{id}",status="404"}' in text
    assert 'stratafold_api_requests_total{route="other",status="404"}' in text
    assert "made" not in text.replace("made-up-by", "made") or "stranger" not in text


def test_only_the_service_whose_worker_is_gone_answers_503(running: Running, tmp_path: Path) -> None:
    fold(running, "strategies", ACCOUNT, event("deployed", 1, {}, "stays"))
    (agents,) = [one for one in running.deployment.workers if one.log.stem == "agents"]
    agents.signal(signal.SIGSTOP)
    try:
        problem = running.api.wait(503, "/agents/agent-1")
        assert problem.headers["content-type"] == "application/problem+json"
        assert problem.headers["retry-after"]
        assert problem.json()["partitions"].keys() == {"agents"}
        for path in ("/agents", "/agents/current", "/agents/agent-1/equity"):
            assert running.api.get(path).status_code == 503
        until = time.monotonic() + 5  # each partition was looked after at a moment of its own
        while (not_ready := running.api.get("/readyz")).json()["partitions"] != {"agents": [0, 1, 2]}:
            assert time.monotonic() < until, not_ready.text
            time.sleep(0.1)
        assert not_ready.status_code == 503
        strategy = running.api.get("/api/v1/strategies/stays", {"Authorization": running.token})
        assert strategy.status_code == 200
        with api(tmp_path / "other.log", {**running.settings, "STRATAFOLD_SERVICES": "strategies"}) as other:
            other.wait(200)
    finally:
        agents.signal(signal.SIGCONT)
    running.api.wait(200)
    assert running.api.get("/agents/agent-nix").status_code == 404


def test_it_waits_while_kafka_and_redis_are_away_and_stops_cleanly(tmp_path: Path) -> None:
    nowhere = {"STRATAFOLD_KAFKA": "127.0.0.1:1", "STRATAFOLD_REDIS": "redis://127.0.0.1:1/0"}
    with api(tmp_path / "api.log", nowhere) as alone:
        alone.wait(200, "/healthz")
        assert alone.get("/readyz").status_code == 503
        assert alone.get("/agents").status_code == 503
        answer = alone.get("/api/v1/strategies/x", {"Authorization": "Bearer x"})
        assert (answer.status_code, answer.json()["title"]) == (503, "Service Unavailable")
        time.sleep(0.5)
        assert "can't be followed" in alone.log.read_text()
        alone.process.send_signal(signal.SIGTERM)
        assert alone.process.wait(15) == 0


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        ({}, "STRATAFOLD_MASTER_KEY"),
        ({"STRATAFOLD_MASTER_KEY": "xyz"}, "STRATAFOLD_MASTER_KEY"),
        ({"STRATAFOLD_API_PORT": "none"}, "STRATAFOLD_API_PORT"),
    ],
)
def test_a_wrong_or_missing_setting_ends_it_with_one_line_and_status_2(
    settings: dict[str, str], named: str, tmp_path: Path
) -> None:
    status, said = refused({"STRATAFOLD_DATA": str(tmp_path), **settings})
    assert (status, said.count("\n")) == (2, 1)
    assert named in said


def test_a_token_that_asks_too_often_is_told_when_to_come_again(running: Running, tmp_path: Path) -> None:
    with api(tmp_path / "limited.log", {**running.settings, "STRATAFOLD_RATE_LIMIT": "3"}) as limited:
        limited.wait(200)
        headers = running.bearer("strategies:read")
        answers = [limited.get("/api/v1/strategies/none", headers) for _ in range(8)]
        refusals = [answer for answer in answers if answer.status_code == 429]
        assert len(refusals) in (2, 5)  # a new minute may have begun in between
        assert all(1 <= int(answer.headers["retry-after"]) <= 60 for answer in refusals)
        assert limited.get("/agents").status_code == 200
        for _ in range(5):
            signing = signed(running.key, running.secret, PATH, at=time.time_ns() // 1_000_000)
            assert limited.get(PATH, signing).status_code != 429
