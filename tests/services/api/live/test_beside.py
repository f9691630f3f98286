"""What runs beside the services: green only what left a trace of its own a moment ago."""

from __future__ import annotations

import pytest

from libs.contracts.names import SERVICES
from services.api.live.beside import LastSeen, ago, beside

NOW = 1_780_000_000_000
THERE: dict[str, str | None] = {"kafka": None, "redis": None}


def _rows(
    seen: LastSeen, away: dict[str, str | None] = THERE, services: tuple[str, ...] = SERVICES
) -> dict[str, tuple[str, str]]:
    return {row["name"]: (row["state"], row["text"]) for row in beside(services, seen, away, NOW)}


def test_where_nothing_was_seen_nothing_but_what_answers_is_green() -> None:
    rows = _rows(LastSeen())
    assert {name for name, (state, _) in rows.items() if state == "good"} == {"Kafka", "Redis"}
    assert set(rows) == {"Kafka", "Redis", "metrics", "gateway", "agent connector", "strategy connector"}


@pytest.mark.parametrize(
    ("age", "state"), [(-500, "good"), (0, "good"), (5_000, "good"), (5_001, "bad"), (3_600_000, "bad")]
)
def test_metrics_is_at_work_while_its_figures_are_fresh(age: int, state: str) -> None:
    """Once it wrote and writes no more, that is said."""
    found, text = _rows(LastSeen(figures=NOW - age))["metrics"]
    assert found == state
    assert ("ago" in text) == (state == "bad")


def test_of_what_is_in_redis_nothing_is_known_while_redis_is_away() -> None:
    rows = _rows(LastSeen(figures=NOW), {"kafka": None, "redis": "TimeoutError"})
    assert rows["Redis"] == ("bad", "TimeoutError")
    assert rows["metrics"][0] == "unknown"


def webhook(signed_ms: int) -> list[tuple[str, bytes | None]]:
    """The headers of a record that the gateway wrote."""
    return [("webhook-id", b"msg_1"), ("webhook-timestamp", str(signed_ms // 1_000).encode())]


def test_the_gateway_is_known_by_webhooks_alone() -> None:
    """Not by other inputs of its topics, and without webhooks it may run or not."""
    seen = LastSeen()
    seen.took("executions", NOW - 50_000, b"{}", webhook(NOW - 51_000))
    seen.took("operations", NOW, b"{}", [])
    state, text = _rows(seen)["gateway"]
    assert state == "unknown"
    assert "50 s ago" in text
    seen.took(
        "operations", NOW, b"{}", webhook(NOW - 60_000)
    )  # sent again from the dead letters, headers and all
    assert _rows(seen)["gateway"][0] == "unknown"
    seen.took("operations", NOW - 9_000, b"{}", [("other", None), *webhook(NOW - 10_000)])
    assert _rows(seen)["gateway"][0] == "good"


def test_a_connector_is_never_told_to_run_since_anybody_may_have_sent_its_inputs() -> None:
    """What a worker tells itself is no input of anybody's."""
    seen = LastSeen()
    seen.took("agents", NOW, b'{"event":"agent.clock","ts":"2026-01-01T00:00:00.000Z"}', [])
    assert _rows(seen)["agent connector"] == ("unknown", "no input yet, from it or anybody else")
    for value in (b'{"event":"snapshot","note":"agent.clock"}', b"agent.clock", b'["agent.clock"]', None):
        seen.inputs.clear()
        seen.took("agents", NOW - 4_000, value, [])
        state, text = _rows(seen)["agent connector"]
        assert (state, text) == ("unknown", "latest input 4 s ago, from it or anybody else")


def test_only_what_belongs_to_a_deployments_services_is_listed() -> None:
    assert set(_rows(LastSeen(), services=("versions",))) == {"Kafka", "Redis", "metrics"}
    assert set(_rows(LastSeen(), services=("agents",))) == {"Kafka", "Redis", "metrics", "agent connector"}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-3, "0 s"), (0, "0 s"), (119, "119 s"), (120, "2 min"), (7_199, "119 min"), (7_200, "2 h")],
)
def test_ages_are_told_in_one_unit(seconds: int, text: str) -> None:
    assert ago(NOW - seconds * 1_000, NOW) == f"{text} ago"
