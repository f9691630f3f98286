"""Commands on versions as a test words them, a random history of strategies, and what folding them comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import count
from random import Random
from typing import Any

import orjson

from libs.ledger.times import rfc3339
from services.versions import AGGREGATE
from services.versions.plan import order_ids
from tests.libs.ledger.folding import Outcome, fold_input, records_of

Body = dict[str, Any]

STRATEGY = "019d6f6a-9be4-7d69-a04c-91912a8b9100"
OTHER = "019d6f6a-9be4-7d69-a04c-91912a8b9101"
VERSION = "019d7a2b-c3d4-7e56-b789-01234abcdef0"
NEXT = "019d7a2b-c3d4-7e56-b789-01234abcdef1"
HALF_PAST_TWO_MS = 1_741_617_000_000  # 2025-03-10T14:30:00Z
PRICES = {"NVDA": "150", "GOOG": "170.25", "AAPL": "200", "MSFT": "0.37"}

_numbers = count(1)


def command(event: str, strategy_id: str = STRATEGY, second: int = 0, **data: Any) -> Body:
    """A command with an id of its own."""
    body = {"event": event, "id": f"c-{next(_numbers)}", "ts": rfc3339(HALF_PAST_TWO_MS + 1_000 * second)}
    return {**body, "strategy_id": strategy_id, "data": data}


def positions(weights: Mapping[str, str]) -> list[Body]:
    """As a command has them."""
    return [{"symbol": symbol, "weight": weight} for symbol, weight in weights.items()]


def registered(weights: Mapping[str, str], cash: str, value: str = "15000", **more: Any) -> Body:
    """A strategy is there."""
    told = {"organization_id": "org_1", "portfolio_value": value, "cash_weight": cash}
    return command("strategy.registered", **{**told, "positions": positions(weights), **more})


def drafted(
    weights: Mapping[str, str], version_id: str = VERSION, at: int | None = None, **more: Any
) -> Body:
    """A version to be executed later, so many seconds after half past two, or on request."""
    planned = None if at is None else rfc3339(HALF_PAST_TWO_MS + 1_000 * at)
    told = {"version_id": version_id, "positions": positions(weights), "scheduled_for": planned}
    return command("version.drafted", **{**told, **more})


def execute(
    weights: Mapping[str, str],
    version_id: str = VERSION,
    key: str | None = None,
    event: str = "version.execute_requested",
    **more: Any,
) -> Body:
    """A version to be executed now."""
    told: Body = {"version_id": version_id, "positions": positions(weights), "prices": PRICES}
    told |= {"portfolio_value": "15000", "idempotency_key": key, "organization_id": "org_1"}
    return command(event, **{**told, **more})


def due(weights: Mapping[str, str], version_id: str = VERSION, second: int = 0, **more: Any) -> Body:
    """A tick of the scheduler."""
    return execute(weights, version_id, event="version.due", second=second, **more)


def delete(version_id: str = VERSION, **more: Any) -> Body:
    """A version is to go."""
    return command("version.delete_requested", version_id=version_id, **more)


def cancel(version_id: str = VERSION, **more: Any) -> Body:
    """A version is not to be executed any more."""
    return command("version.cancel_requested", version_id=version_id, **more)


def order(at: int, number: int, status: str, filled: str | None = None, **more: Any) -> Body:
    """A broker's word on an order of the execution at an input offset."""
    order_id = order_ids(f"versions.in/0/{at}", number + 1)[number]
    fills = {"filled_quantity": filled, "filled_value": None, "filled_average_price": None}
    return command(
        "order.updated", **{"order_id": order_id, "status": status, "status_reason": None, **fills, **more}
    )


def folded(*bodies: Body) -> Outcome:
    """The bodies folded in this order, in one partition."""
    return folded_values(map(orjson.dumps, bodies))


def folded_values(values: Iterable[bytes], cut: Random | None = None) -> Outcome:
    """The same of bytes; ``cut`` chooses the batches and what is forgotten."""
    return fold_input(AGGREGATE, records_of(values), cut=cut)


def state(outcome: Outcome, version_id: str = VERSION) -> Body:
    """A version's state document at the end."""
    document: Body = orjson.loads(outcome.last_states()[version_id.encode()] or b"")
    return document


def orders(outcome: Outcome, version_id: str = VERSION) -> list[tuple[str, str, str, str]]:
    """Side, symbol, quantity and value of each order."""
    names = ("side", "symbol", "order_quantity", "order_value")
    return [tuple(one[name] for name in names) for one in state(outcome, version_id)["orders"]]


def refusals(outcome: Outcome, version_id: str = VERSION) -> list[str]:
    """The codes of what was refused, as the version's hash shows them."""
    fields = outcome.store.entities[version_id]
    return [one["code"] for one in orjson.loads(fields["refused"])]


def weights(rng: Random) -> dict[str, str]:
    """A portfolio of some symbols, of amounts with up to ten decimals."""
    left, found = 100 * 10**10, {}
    for symbol in rng.sample(list(PRICES), rng.randrange(len(PRICES) + 1)):
        some = rng.randrange(left // 2 + 1)
        some -= some % 10 ** rng.choice((0, 4, 8, 9, 10))
        left -= some
        whole, rest = divmod(some, 10**10)
        found[symbol] = (
            f"{whole}.{rest:010d}".rstrip("0").rstrip(".") if rng.random() < 0.5 else f"{whole}.{rest:010d}"
        )
    return found


def history(
    rng: Random, length: int = 40, strategies: Sequence[str] = (STRATEGY, STRATEGY, OTHER)
) -> list[bytes]:
    """Commands on a few versions of some strategies in any order, some of them repeated; brokers tell anything."""
    versions = [f"019d7a2b-c3d4-7e56-b789-01234abc000{number}" for number in range(5)]
    values: list[bytes] = []
    executions: list[int] = []
    scheduled: dict[str, Body] = {}
    for at in range(rng.randrange(5, length)):
        if values and rng.random() < 0.1:
            values.append(rng.choice(values))
            continue
        version_id, strategy_id = rng.choice(versions), rng.choice(strategies)
        kind = rng.randrange(12)
        if kind == 0:
            body = registered({"GOOG": "60", "MSFT": "30"}, "10", rng.choice(("0", "15000", "98765.4321")))
        elif kind == 1:
            body = drafted(weights(rng), version_id, rng.choice((None, 5, 50)))
            scheduled[version_id] = {**body, "strategy_id": strategy_id}
        elif kind < 5 or not executions:
            executions.append(at)
            prices = {symbol: price for symbol, price in PRICES.items() if rng.random() < 0.95}
            terms = {"NVDA": {"step": rng.choice(("1", "0.01")), "minimum": rng.choice(("0", "700.5"))}}
            value = rng.choice(("0", "15000", "999999999999999999.999999999999999999"))
            event = rng.choice(("version.execute_requested", "version.due"))
            told = {
                "prices": prices,
                "instruments": terms,
                "portfolio_value": value,
                "second": rng.randrange(99),
            }
            key = rng.choice((None, "k1", "k2"))
            wanted = weights(rng)
            if event == "version.due" and scheduled:
                version_id, draft = rng.choice(list(scheduled.items()))
                strategy_id = draft["strategy_id"]
                wanted = {one["symbol"]: one["weight"] for one in draft["data"]["positions"]}
            body = execute(wanted, version_id, None if event == "version.due" else key, event, **told)
        elif kind == 5:
            body = delete(version_id)
        elif kind == 6:
            body = cancel(version_id)
        else:
            status = rng.choice(("PENDING", "SENT", "FILLED", "FILLED", "FILLED", "FAILED", "LOST"))
            place = rng.choice(executions[-2:])
            body = order(place, rng.randrange(3), status, rng.choice((None, "0", "3", "7")))
        values.append(orjson.dumps({**body, "strategy_id": strategy_id}))
    return values
