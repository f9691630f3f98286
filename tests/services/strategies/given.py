"""Envelopes of 004 as a test words them, a random history of an account, and what folding them comes to."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Any

import orjson

from libs.ledger.times import rfc3339
from services.strategies import AGGREGATE
from tests.libs.ledger.folding import Outcome, fold_input, records_of

Body = dict[str, Any]

ACCOUNT = "acme"
ID = "strat_1"
NOON_MS = 1_780_056_000_000  # 2026-05-29T12:00:00Z


def at(second: float) -> str:
    """A time so many seconds after noon."""
    return rfc3339(NOON_MS + round(second * 1_000))


def said(event: str, seq: int, strategy_id: str = ID, second: float | None = None, **data: Any) -> Body:
    """An envelope; its time is its number in seconds unless another is given."""
    body = {"channel": "strategy.status", "event": event, "strategy_id": strategy_id, "seq": seq}
    return {**body, "ts": at(seq if second is None else second), "data": data}


def noise(seq: int, strategy_id: str = ID, second: float | None = None) -> Body:
    """An event that matters for its number alone."""
    return said("error", seq, strategy_id, second, code="RATE", message="slow down", fatal=False)


def fill(seq: int, order: str, filled: str, fee: str = "0.1", of: str = "1", **more: Any) -> Body:
    """A fill of an order: ``filled`` is cumulative, ``of`` the order's quantity."""
    told: Body = {
        "order_id": order,
        "symbol": "BTCUSDT",
        "side": "buy",
        "type": "limit",
        "price": "2",
        "quantity": of,
    }
    rest = {"filled_quantity": filled, "fee": fee, "fee_currency": "USDT"}
    strategy_id, second = more.pop("strategy_id", ID), more.pop("second", None)
    return said("order_filled", seq, strategy_id, second, **(told | rest | more))


def opened(seq: int, position: str, strategy_id: str = ID) -> Body:
    """A position was opened."""
    terms: Body = {"entry_price": "10.50", "quantity": "2", "leverage": 3, "notional": "21.00"}
    return said("position_opened", seq, strategy_id, position_id=position, symbol="X", side="long", **terms)


def closed(seq: int, position: str, pnl: str = "1.5", strategy_id: str = ID) -> Body:
    """A position was closed."""
    terms: Body = {"entry_price": "10.50", "exit_price": "12", "quantity": "2", "realized_pnl": pnl}
    told: Body = {"position_id": position, "symbol": "X", "side": "long", **terms, "reason": "take_profit"}
    return said("position_closed", seq, strategy_id, **told)


def snapshot(seq: int, second: float | None = None, strategy_id: str = ID, **data: Any) -> Body:
    """What a reconciliation writes."""
    nothing: Body = {
        "status": "deployed",
        "error": None,
        "positions": [],
        "orders": [],
        "realized_pnl": "0",
        "fees": {},
    }
    return said("strategy.snapshot", seq, strategy_id, second, **nothing | data)


def scope(second: float, *subscriptions: str) -> Body:
    """A connector says what it subscribed to."""
    told = {"channel": "strategy.status", "event": "connector.scope", "ts": at(second)}
    return {**told, "data": {"subscriptions": list(subscriptions)}}


def folded(*bodies: Body) -> Outcome:
    """The bodies folded in this order, as one account's."""
    return folded_values(map(orjson.dumps, bodies))


def folded_values(values: Iterable[bytes], cut: Random | None = None) -> Outcome:
    """The same of bytes; ``cut`` chooses the batches and what is forgotten."""
    return fold_input(AGGREGATE, records_of(values, ACCOUNT.encode()), cut=cut)


def state(outcome: Outcome, strategy_id: str = ID) -> Body:
    """A strategy's state document at the end."""
    document: Body = orjson.loads(outcome.last_states()[f"{ACCOUNT}:{strategy_id}".encode()] or b"")
    return document


def account(outcome: Outcome) -> Body:
    """What Redis shows of the account."""
    fields = outcome.store.entities[ACCOUNT]
    return {
        name: orjson.loads(fields[name]) for name in ("upstream_seq", "gaps", "resets", "whole", "seq")
    } | {"completeness": fields["completeness"]}


def history(rng: Random, strategies: int = 2, length: int = 40) -> list[Body]:
    """A consistent history of an account in its order: its numbers rise by one, and so do its times."""
    bodies: list[Body] = []
    first = rng.randrange(1, 10_000)
    names = [f"strat_{number}" for number in range(strategies)]
    held: dict[str, list[str]] = {name: [] for name in names}
    orders: dict[str, dict[str, int]] = {name: {} for name in names}
    for seq in range(first, first + rng.randrange(3, length)):
        name = rng.choice(names)
        kinds = ["deployed", "paused", "noise", "fatal", "opened", "placed"]
        kinds += ["closed"] * (2 * bool(held[name])) + ["filled", "filled", "cancelled"] * bool(orders[name])
        kind = rng.choice(kinds)
        if kind in ("deployed", "paused"):
            bodies.append(said(kind, seq, name))
        elif kind == "noise":
            bodies.append(noise(seq, name))
        elif kind == "fatal":
            bodies.append(said("error", seq, name, code=f"E{seq}", message="…", fatal=True))
        elif kind == "opened":
            held[name].append(f"pos_{seq}")
            bodies.append(opened(seq, f"pos_{seq}", name))
        elif kind == "closed":
            position = held[name].pop(rng.randrange(len(held[name])))
            bodies.append(closed(seq, position, f"{rng.randrange(-99, 99)}.{rng.randrange(10):d}0", name))
        elif kind == "placed":
            orders[name][f"ord_{seq}"] = 0
            bodies.append(said("order_placed", seq, name, order_id=f"ord_{seq}"))
        else:
            order = rng.choice(list(orders[name]))
            if kind == "cancelled":
                del orders[name][order]
                bodies.append(said("order_cancelled", seq, name, order_id=order))
                continue
            done = orders[name][order] = orders[name][order] + rng.randrange(1, 4)
            fee = f"0.{rng.randrange(1, 10**6):06d}"
            bodies.append(fill(seq, order, str(min(done, 5)), fee, "5", strategy_id=name))
            if done >= 5:
                del orders[name][order]
    return bodies
