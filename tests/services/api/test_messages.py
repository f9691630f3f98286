"""A message of 002 goes into an agent's stream and comes out again as it was, numbers as the sender's own digits."""

from __future__ import annotations

import json
from typing import Any

import pytest

from libs.ledger.verdict import Verdict
from services.agents.events import observe, validate
from services.agents.journals import enter
from services.api.messages import message

AT = {"ts": "2026-05-29T18:00:00Z"}
TRADE = (
    '"pair": "BTC/USDT", "side": "buy", "size": "10", "price": 5.10, "realised_pnl": null, "fees": 0.10, '
    '"journal_ref": null'
)
TOLD: list[tuple[str, dict[str, Any]]] = [
    (
        '"equity": 1.50, "phase": "scan", "drawdown": "0.012", "daily_drawdown_used": 0',
        {
            "event": "snapshot",
            "equity": "1.50",
            "phase": "scan",
            "drawdown": "0.012",
            "daily_drawdown_used": "0",
        },
    ),
    (
        TRADE,
        {
            "event": "trade",
            "pair": "BTC/USDT",
            "side": "buy",
            "size": "10",
            "price": "5.10",
            "realised_pnl": None,
            "fees": "0.10",
            "journal_ref": None,
        },
    ),
    (
        '"id": "null", "type": "EXECUTED", "tags": ["a", "null"], "description": "null"',
        {
            "event": "journal_entry",
            "id": "null",
            "type": "EXECUTED",
            "tags": ["a", "null"],
            "description": "null",
        },
    ),
    (
        '"rule": "r", "explanation": "e", "order_ref": null',
        {"event": "risk_veto", "rule": "r", "explanation": "e", "order_ref": None},
    ),
    (
        '"rule": "r", "explanation": "e", "order_ref": "o"',
        {"event": "twak_block", "rule": "r", "explanation": "e", "order_ref": "o"},
    ),
]


@pytest.mark.parametrize(("told", "expected"), TOLD, ids=[expected["event"] for _, expected in TOLD])
@pytest.mark.parametrize(
    ("extra", "more"),
    [("", {}), (', "x": "5", "y": 5, "z": {"a": null}', {"x": "5", "y": 5, "z": {"a": None}})],
)
def test_a_message_comes_out_of_its_stream_as_it_went_in(
    told: str, expected: dict[str, Any], extra: str, more: dict[str, Any]
) -> None:
    value = f'{{"event": "{expected["event"]}", "ts": "{AT["ts"]}", {told}{extra}}}'.encode()
    validate(json.loads(value))
    (entry,) = enter(observe(json.loads(value), value), Verdict.APPLIED)
    assert json.loads(message(entry.fields)) == {**expected, **AT, **more}


def test_unknown_fields_keep_the_literals_of_their_numbers() -> None:
    value = (
        b'{"event": "risk_veto", "ts": "2026-05-29T18:00:00Z", "rule": "r", "explanation": "e", "order_ref": null, '
        b'"x": {"a": 1.10}}'
    )
    (entry,) = enter(observe(json.loads(value), value), Verdict.APPLIED)
    assert b'"a":1.10' in message(entry.fields)
