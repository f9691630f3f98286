"""What a connector says of its own is what the fold of strategies takes, and what it means there."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libs.ledger.records import InputRecord
from services.connectors.reconciliation import WrongAnswer, known, number, scope, snapshot
from services.strategies import AGGREGATE
from services.strategies.events import observe, validate
from tests.libs.ledger.folding import fold_input, verdicts

ANSWER: dict[str, Any] = {
    "id": "a",
    "account": "x",
    "status": "paused",
    "error": None,
    "positions": [{"position_id": "p", "leverage": 1.50}],
    "orders": [],
    "realized_pnl": "1.10",
    "fees": {"USDT": "0.5"},
    "upstream_seq": 40,
    "seq": 40,
}


def answer(**changes: Any) -> bytes:
    return json.dumps({"data": {**ANSWER, **changes}}).encode()


def frame(seq: int, second: int) -> bytes:
    ts = f"2026-04-29T12:00:{second:02d}.000Z"
    body = {"channel": "strategy.status", "event": "deployed", "strategy_id": "a", "seq": seq, "ts": ts}
    return json.dumps({**body, "data": {}}).encode()


def test_a_snapshot_closes_the_gap_that_a_refused_replay_left() -> None:
    now = 1_777_464_060_000  # 2026-04-29T12:01:00Z
    values = [
        scope(["*"], now - 60_000),
        frame(1, 0),
        frame(7, 1),
        scope(["*"], now - 1, reconciling=True),
        snapshot("a", answer(), 7, now),
        scope(["*"], now + 1),
        frame(39, 50),  # was on its way before the answer was made
        frame(41, 59),
    ]
    records = [InputRecord(offset, now + offset, b"x", value) for offset, value in enumerate(values)]
    folded = fold_input(AGGREGATE, records)
    assert verdicts(folded)[4:] == ["applied", "applied", "late", "applied"]
    account = json.loads(folded.store.entities["x"]["gaps"])
    assert account == []
    assert folded.store.entities["x"]["completeness"] == "repaired"
    assert folded.store.entities["x:a"]["status"] == "deployed"


def test_a_snapshot_keeps_the_senders_digits() -> None:
    record = snapshot("a", answer().replace(b"1.5", b"1.500"), 40, 0)
    assert b'"leverage":1.500' in record
    validate(json.loads(record))
    assert observe(json.loads(record), record).body["seq"] == 40


@pytest.mark.parametrize(
    ("given", "reached", "wanted"),
    [
        ({"upstream_seq": 40, "seq": 40}, 7, 40),
        ({"upstream_seq": 40}, None, 40),
        ({"upstream_seq": None, "seq": 9}, 7, 9),
        ({"upstream_seq": 12_604, "seq": 50}, 45, 50),  # a server that passes another's stream on
        ({"upstream_seq": 60, "seq": 7}, 45, 60),  # a seq that is not of the stream
        ({"upstream_seq": 60, "seq": 7}, None, 7),
        ({"upstream_seq": 48, "seq": 50}, 45, 50),
        ({"upstream_seq": 3, "seq": 3}, 500, 3),  # the counter began anew
    ],
)
def test_the_number_of_an_answer(given: dict[str, Any], reached: int | None, wanted: int) -> None:
    assert number(given, reached) == wanted


@pytest.mark.parametrize(
    "wrong",
    [b"", b"[]", b"{}", b'{"data":[]}', b'{"data":{}}', b'{"data":{"seq":"1"}}', b"\xff", b"[" * 9_000],
)
def test_an_answer_that_is_no_strategy_is_refused(wrong: bytes) -> None:
    with pytest.raises(WrongAnswer):
        snapshot("a", wrong, None, 0)


def test_known_are_those_of_the_projection_and_those_seen_but_of_a_single_subscription_itself() -> None:
    assert known("x", ["x:a", "xy:no", "x:b:c"], ["d", "a"], ["*"]) == ["a", "b:c", "d"]
    assert known("x", ["x:a"], ["d"], ["z", "b"]) == ["b", "z"]


def test_a_scope_is_what_the_fold_takes() -> None:
    validate(json.loads(scope(["a", "b"], 1_000)))
    validate(json.loads(scope(["*"], 1_000, reconciling=True)))
