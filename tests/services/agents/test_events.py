"""What an agent's messages do to it, and what follows from them; each test is named for its rule."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.agents import AGGREGATE
from tests.libs.ledger.folding import Outcome, events, fold_input, records_of, verdicts
from tests.services.agents.given import ID, Body, at, clock, folded, folded_values, said, snapshot, state


def _names(outcome: Outcome) -> list[str]:
    return [name for name, _ in events(outcome)]


def _only(outcome: Outcome, name: str) -> list[dict[str, Any]]:
    return [data for told, data in events(outcome) if told == name]


def test_a_snapshot_is_the_agents_equity_and_raises_its_peak() -> None:
    """The newest by the agent's own clock stands; the peak is the highest ever told, whenever it was."""
    outcome = folded(snapshot(0, "100"), snapshot(15, "130"), snapshot(30, "90"))
    assert (state(outcome)["equity"], state(outcome)["peak_equity"]) == ("90", "130")
    outcome = folded(snapshot(30, "90"), snapshot(15, "130.0"), snapshot(0, "130"))
    assert verdicts(outcome) == ["applied", "late", "late"]
    assert (state(outcome)["equity"], state(outcome)["peak_equity"]) == ("90", "130.0")
    assert len(outcome.store.streams[ID, "equity"]) == 3, "a late snapshot happened all the same"


def test_equity_beyond_a_floats_digits_is_compared_exactly() -> None:
    """As decimals, never as floats."""
    outcome = folded(snapshot(0, "123456789012345678.1"), snapshot(1, "123456789012345678.2"))
    assert state(outcome)["peak_equity"] == "123456789012345678.2"


def test_trades_are_counted_and_their_profit_and_fees_summed_exactly() -> None:
    """An opening trade has no profit yet."""
    outcome = folded(
        said("trade", 1, realised_pnl=None, fees="0.10", journal_ref="a"),
        said("trade", 2, realised_pnl="-0.3", fees="0.20", journal_ref="b"),
        said("trade", 3, realised_pnl="0.1", fees=0.3, journal_ref="c"),
    )
    now = state(outcome)
    assert (now["trades_total"], now["realised_pnl_total"], now["fees_total"]) == (3, "-0.2", "0.60")
    assert _names(outcome) == ["agent.traded"] * 3


def test_a_trade_is_known_by_its_journal_entry_and_an_entry_by_its_id() -> None:
    """Worded otherwise they are duplicates; without a journal entry only an equal one is."""
    again = said("trade", 9, fees="7"), said("journal_entry", 9, description="otherwise")
    outcome = folded(said("trade", 1), said("journal_entry", 1), *again)
    assert verdicts(outcome) == ["applied", "applied", "duplicate", "duplicate"]
    outcome = folded(
        said("trade", 1, journal_ref=None),
        said("trade", 2, journal_ref=None),
        said("trade", 1, journal_ref=None),
    )
    assert verdicts(outcome) == ["applied", "applied", "duplicate"]
    assert state(outcome)["trades_total"] == 2


def test_what_blocks_a_trade_is_told_apart() -> None:
    """By policy, signer and quote; a field of that name in the message changes nothing of it."""
    outcome = folded(
        said("risk_veto", 1, by="me"), said("twak_block", 2, by="me"), said("quote_rejected", 3, by="me")
    )
    assert [data["by"] for data in _only(outcome, "agent.blocked")] == ["policy", "signer", "quote"]
    now = state(outcome)
    assert [now[n] for n in ("risk_vetoes_total", "twak_blocks_total", "quotes_rejected_total")] == [1, 1, 1]
    kept = [fields["event"] for _, fields in outcome.store.streams[ID, "blocks"]]
    assert kept == ["risk_veto", "twak_block"]


def test_a_promotion_and_its_echo_are_one_fact_and_so_are_a_demotion_and_its_own() -> None:
    """Both tell the mode; the event of either comes once."""
    outcome = folded(
        said("promotion", 1, tx_hash="0xa"),
        said("status_change", 1, **{"from": "PAPER", "to": "LIVE"}),
        said("status_change", 2, **{"from": "LIVE", "to": "PAPER"}),
        said("demotion", 2, rule="max_drawdown", limit="max", locked_until=None),
    )
    now = state(outcome)
    assert (now["mode"], now["status"], now["promotion_tx_hash"]) == ("PAPER", "PAPER", "0xa")
    assert (now["demotion_rule"], now["demotion_limit"], now["locked_until"]) == ("max_drawdown", "max", None)
    assert _names(outcome) == [
        "agent.promoted",
        "agent.status_changed",
        "agent.status_changed",
        "agent.demoted",
    ]


def test_an_echo_that_comes_late_does_not_bring_back_a_mode() -> None:
    """Nor does a promotion; its hash is news all the same."""
    outcome = folded(
        said("demotion", 5), said("status_change", 2, to="LIVE"), said("promotion", 2, tx_hash="0xa")
    )
    assert (state(outcome)["mode"], state(outcome)["promotion_tx_hash"]) == ("PAPER", "0xa")
    assert verdicts(outcome) == ["applied", "applied", "late"]
    assert "agent.promoted" not in _names(outcome)


@pytest.mark.parametrize(
    ("used", "crossed"),
    [
        (["0.49"], []),
        (["0.5"], ["0.5"]),
        (["0.3", "0.9"], ["0.5", "0.8"]),
        (["1"], ["0.5", "0.8", "1.0"]),
        (["0.6", "0.7", "0.79"], ["0.5"]),
        (["0.9", "0.1", "0.5"], ["0.5", "0.8", "0.5"]),
        ([0.5, 1.5e0], ["0.5", "0.8", "1.0"]),
    ],
)
def test_each_threshold_of_the_daily_budget_is_told_when_it_is_reached(
    used: list[Any], crossed: list[str]
) -> None:
    """On the way up; the next day begins below."""
    outcome = folded(*(snapshot(10 * number, used=one) for number, one in enumerate(used)))
    assert [data["threshold"] for data in _only(outcome, "agent.drawdown_crossed")] == crossed


def test_an_agent_falls_quiet_after_thirty_minutes_and_resumes_with_a_snapshot() -> None:
    """Once each, in turn; a clock that comes early, twice or late does nothing."""
    outcome = folded(
        clock(0), snapshot(0), clock(30), clock(30.1), clock(31), said("trade", 32), snapshot(40), clock(41)
    )
    assert verdicts(outcome) == ["late", "applied", "late", "applied", "late", "applied", "applied", "late"]
    assert [name for name in _names(outcome) if name in ("agent.quiet", "agent.resumed")] == [
        "agent.quiet",
        "agent.resumed",
    ]
    assert _only(outcome, "agent.quiet") == [{"silent_ms": 1_806_000}]
    assert _only(outcome, "agent.resumed") == [{"silent_ms": 2_400_000}]
    assert outcome.store.indexes["cadence:watched"].keys() == {ID}


def test_an_agent_is_watched_from_its_first_snapshot_until_it_is_quiet() -> None:
    """Where nothing is claimed, nothing is waited for."""
    assert "cadence:watched" not in folded(said("trade", 0)).store.indexes
    assert "cadence:watched" in folded(snapshot(0)).store.indexes
    quiet = folded(snapshot(0), clock(31))
    assert "cadence:watched" not in quiet.store.indexes
    assert AGGREGATE.watch is not None
    fields = quiet.store.entities[ID]
    assert AGGREGATE.watch.due(ID, fields, {}, 2**41) is None
    fields = folded(snapshot(0)).store.entities[ID]
    noon = 1_780_056_000_000
    assert AGGREGATE.watch.due(ID, fields, {}, noon + 30 * 60_000) is None
    assert AGGREGATE.watch.due(ID, fields, {}, noon + 30 * 60_000 + 1) == {
        "event": "agent.clock",
        "ts": "2026-05-29T12:30:00.001Z",
    }


def test_an_unknown_event_is_kept_and_changes_nothing() -> None:
    """002: unrecognised events are ignored, to stay forward-compatible."""
    outcome = folded({"event": "rebalanced", "ts": at(1), "how": {"much": 1.50}})
    assert verdicts(outcome) == ["ignored"]
    now = state(outcome)
    assert (now["status"], now["last_event"], now["sequence"]) == (None, None, 1)
    assert outcome.store.streams == {}
    assert outcome.store.indexes == {}


def test_last_event_is_the_newest_by_the_agents_clock() -> None:
    """The clock that its worker sends is none of its own."""
    outcome = folded(snapshot(10), said("trade", 5), clock(50))
    assert (state(outcome)["last_event"], state(outcome)["last_event_at"]) == ("snapshot", at(10))


def test_a_number_leaves_with_the_digits_that_it_came_with() -> None:
    """In state, Redis, events and streams; in the log as it was sent. An exponent is written out."""
    value = (
        orjson.dumps(snapshot(0, "EQUITY", "USED")).replace(b'"EQUITY"', b"1.50").replace(b'"USED"', b"1e-05")
    )
    outcome = folded_values([value])
    assert value in (outcome.log[0].value or b"")
    told = events(outcome)[0][1]
    for fields in (
        state(outcome),
        outcome.store.entities[ID],
        told,
        outcome.store.streams[ID, "equity"][0][1],
    ):
        assert (fields["equity"], fields["daily_drawdown_used"]) == ("1.50", "0.00001")
    again = snapshot(0, "1.50", "0.00001")
    assert verdicts(folded_values([value, orjson.dumps(again)])) == ["applied", "duplicate"]


def test_a_duplicate_is_known_for_a_thousand_facts() -> None:
    """Section 2: for agents within the last 1,000 facts; what is older counts again."""
    first = said("risk_veto", 0, order_ref="first")
    others = [said("risk_veto", 0, order_ref=str(number)) for number in range(999)]
    outcome = folded(first, *others, first)
    assert verdicts(outcome)[-1] == "duplicate"
    outcome = folded(first, *others, said("risk_veto", 0, order_ref="last"), first)
    assert verdicts(outcome)[-1] == "applied"
    assert state(outcome)["risk_vetoes_total"] == 1002


def test_streams_keep_as_much_as_histories_do() -> None:
    """The last entries, each under the sequence of its message."""
    values = [orjson.dumps(snapshot(number)) for number in range(7)]
    outcome = fold_input(AGGREGATE, records_of(values, ID.encode()), history=3)
    assert [entry for entry, _ in outcome.store.streams[ID, "equity"]] == ["5-0", "6-0", "7-0"]


def test_a_stream_has_the_messages_fields() -> None:
    """Those that it was sent with, extra ones among them."""
    body: Body = said("risk_veto", 3, order_ref=None, extra="x")
    outcome = folded(body)
    (_, fields) = outcome.store.streams[ID, "blocks"][0]
    assert {name: fields[name] for name in body} == {**body, "order_ref": "null"}


@pytest.mark.parametrize("hostile", ["null", "", "a:b", "ü 😀", '"', "\\", "0", "[]", "x" * 5_000])
def test_hostile_words_come_back_from_redis_as_they_went(hostile: str) -> None:
    """Null and the word null are two things."""
    bodies = [
        said("snapshot", 1, phase=hostile),
        said("status_change", 1, to=hostile),
        said("promotion", 1, tx_hash=hostile),
        said("demotion", 2, rule=hostile, limit=hostile, locked_until=None),
    ]
    for upto in range(len(bodies) + 1):
        now = AGGREGATE.initial(hostile or "x")
        for body in bodies[:upto]:
            fact = AGGREGATE.observe(body, orjson.dumps(body))
            now = AGGREGATE.evolve(now, fact, AGGREGATE.fold(now, fact))
        view = AGGREGATE.render(now)
        assert AGGREGATE.restore(now.id, view.fields) == now
        assert AGGREGATE.render(AGGREGATE.restore(now.id, view.fields)) == view
