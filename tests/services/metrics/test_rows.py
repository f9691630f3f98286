"""Agents, strategies, events and commands as Grafana gets them; each test is named for the rule that it guards."""

from __future__ import annotations

import orjson

from libs.contracts.monitoring import AGENT_FIELDS, EQUITY_FIELDS, FEED_FIELDS, STRATEGY_FIELDS
from services.metrics import rows
from services.metrics.commands import append, append_of, members, replace, samples


def test_what_an_agent_never_told_is_no_null() -> None:
    """A number is 0, a text empty; every field is there."""
    row = rows.agent({"status": "null", "equity": "null", "mode": "PAPER", "drawdown": "0.1"})
    assert tuple(row) == AGENT_FIELDS
    assert (row["status"], row["equity"], row["mode"], row["drawdown"]) == ("", "0", "PAPER", "0.1")


def test_of_a_strategy_what_is_open_is_counted() -> None:
    """And what stopped it is named by its code."""
    row = rows.strategy(
        {
            "account": "acme",
            "strategy_id": "s1",
            "status": "error",
            "error": '{"code":"X1","message":"m"}',
            "completeness": "suspect",
            "realized_pnl": "-1.50",
            "positions": '[{"a":1},{"a":2}]',
            "orders": "[]",
            "gaps": "[[1,2]]",
            "upstream_seq": "null",
        }
    )
    assert tuple(row) == STRATEGY_FIELDS
    assert (row["positions_open"], row["orders_open"], row["gaps_open"], row["upstream_seq"]) == (
        "2",
        "0",
        "1",
        "0",
    )
    assert (row["error"], row["realized_pnl"]) == ("X1", "-1.50")


def test_a_snapshot_stands_at_its_own_time_and_two_of_one_time_both_do() -> None:
    """Its number among the agent's facts is the second part of the id, and can be read back from it."""
    message = {
        "event": "snapshot",
        "ts": "1970-01-01T00:00:01.5Z",
        "equity": "1",
        "drawdown": "0",
        "daily_drawdown_used": "0",
    }
    found = rows.equity(7, message)
    assert found is not None
    assert (found[0], tuple(found[1])) == ("1500-7", EQUITY_FIELDS)
    assert rows.sequence_of(found[0]) == 7
    assert rows.equity(7, {"event": "snapshot"}) is None


def test_an_event_is_told_in_four_words_and_a_stranger_in_none() -> None:
    """What is no envelope of ours is left out, and a subject of any length is cut."""
    value = {
        "type": "stratafold.strategy.gap_opened.v1",
        "subject": "a" * 5_000,
        "data": {"account": "a", "from": 3, "to": 5},
    }
    entry = rows.told("strategies", orjson.dumps(value))
    assert entry is not None
    assert tuple(entry) == FEED_FIELDS
    assert (entry["type"], entry["summary"], len(entry["subject"])) == (
        "strategy.gap_opened",
        "missing 3 to 5",
        200,
    )
    assert rows.told("strategies", b"[1]") is rows.told("strategies", None) is None


def test_streams_are_capped_as_they_are_written() -> None:
    """By age where an id is a moment, else by number."""
    assert append("m:ts:x", 90_000, {"a": "1"}, 60_000) == (
        "XADD",
        "m:ts:x",
        "MINID",
        "~",
        "30000",
        "90000",
        "a",
        "1",
    )
    assert append_of("m:x", "5-1", {"a": "1"}, 10) == ("XADD", "m:x", "MAXLEN", "~", "10", "5-1", "a", "1")


def test_nothing_makes_no_command_that_redis_would_refuse() -> None:
    """A hash without fields is removed, a set is left as it is."""
    assert replace("m:x", {}) == [("DEL", "m:x")]
    assert members("m:s", []) == []


def test_time_series_carry_their_labels_and_take_a_moment_twice() -> None:
    """One series a field."""
    (rate, lag) = samples("operations", 1_000, {"rate": "1.5", "lag": "2"})
    assert " ".join(rate) == (
        "TS.ADD ts:rate:operations 1000 1.5 RETENTION 86400000 ON_DUPLICATE LAST"
        " LABELS metric rate service operations"
    )
    assert lag[1] == "ts:lag:operations"
