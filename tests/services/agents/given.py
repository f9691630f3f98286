"""Agents' messages as a test words them, a random day of one, and what folding them comes to."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import orjson

from libs.ledger.times import rfc3339
from services.agents import AGGREGATE
from tests.contracts.golden import message
from tests.libs.ledger.folding import Outcome, fold_input, records_of

Body = dict[str, Any]

ID = "agent-1"
NOON_MS = 1_780_056_000_000  # 2026-05-29T12:00:00Z
MINUTE = 60_000


def at(minute: float) -> str:
    """A time so many minutes after noon."""
    return rfc3339(NOON_MS + round(minute * MINUTE))


def said(event: str, minute: float, **other: Any) -> Body:
    """The kept message of an event, at another time and with what matters changed."""
    body: Body = orjson.loads(message("agents", event))
    return body | {"ts": at(minute)} | other


def snapshot(minute: float, equity: object = "100", used: object = "0") -> Body:
    """A snapshot of which only equity and the used budget matter."""
    return said("snapshot", minute, equity=equity, daily_drawdown_used=used)


def clock(minute: float) -> Body:
    """The clock's event."""
    return {"event": "agent.clock", "ts": at(minute)}


def folded(*bodies: Body) -> Outcome:
    """The bodies folded in this order, as one agent's."""
    return folded_values(map(orjson.dumps, bodies))


def folded_values(values: Iterable[bytes], cut: Random | None = None) -> Outcome:
    """The same of bytes; ``cut`` chooses the batches and when the agent is forgotten."""
    return fold_input(AGGREGATE, records_of(values, ID.encode()), cut=cut)


def state(outcome: Outcome) -> Body:
    """The state document at the end."""
    document: Body = orjson.loads(outcome.last_states()[ID.encode()] or b"")
    return document


def day(rng: Random) -> list[Body]:
    """A consistent day in its order: one time a message, but for echoes, which come in the same moment."""
    bodies: list[Body] = []
    minute = 0.0
    for number in range(rng.randrange(3, 25)):
        minute += rng.randrange(1, 300) / 10
        event = rng.choice(
            ("snapshot", "snapshot", "trade", "risk_veto", "twak_block", "quote_rejected", "mode", "status")
        )
        if event == "snapshot":
            bodies.append(snapshot(minute, _amount(rng), f"0.{rng.randrange(1000):03d}"))
        elif event == "trade":
            pnl = rng.choice((None, _amount(rng), "-" + _amount(rng)))
            ref = f"jrn_{number}"
            bodies.append(said("trade", minute, realised_pnl=pnl, fees=_amount(rng), journal_ref=ref))
            bodies.append(said("journal_entry", minute, id=ref, tags=[event] * rng.randrange(3)))
        elif event == "mode":
            live = rng.random() < 0.5
            echo = {"from": "PAPER", "to": "LIVE"} if live else {"from": "LIVE", "to": "PAPER"}
            bodies.append(
                said("promotion", minute, tx_hash=f"0x{number}")
                if live
                else said(
                    "demotion",
                    minute,
                    rule=f"rule {number}",
                    locked_until=rng.choice((None, at(minute + 60))),
                )
            )
            bodies.append(said("status_change", minute, **echo))
        elif event == "status":
            bodies.append(said("status_change", minute, to=rng.choice(("RUNNING", "PAUSED", "STOPPED"))))
        else:
            bodies.append(said(event, minute, order_ref=f"ord_{number}"))
    return bodies


def _amount(rng: Random) -> str:
    return f"{rng.randrange(10 ** rng.choice((1, 5, 12)))}.{rng.randrange(10**6):06d}"
