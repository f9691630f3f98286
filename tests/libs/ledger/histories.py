"""Histories of operations and executions, from a source of randomness: consistent ones, and what spoils them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from random import Random
from typing import Any
from uuid import UUID

Body = dict[str, Any]

_REASONS = ("insufficient_funds", "trader_not_enrolled", "below_instrument_minimum", "some_new_reason")


def uuid(rng: Random) -> str:
    """A UUID in lower case."""
    return str(UUID(int=rng.getrandbits(128)))


def amount(rng: Random) -> str:
    """A decimal string of up to 18 digits on each side of the point, trailing zeros among them."""
    whole = str(rng.randrange(10 ** rng.choice((1, 3, 18))))
    places = rng.choice((0, 0, 2, 8, 18))
    return f"{whole}.{rng.randrange(10**places):0{places}d}" if places else whole


def stamp(second: int) -> str:
    """A time of one-second resolution, as the sources have them."""
    return f"2026-05-29T{18 + second // 3600:02d}:{second // 60 % 60:02d}:{second % 60:02d}Z"


@dataclass
class Story:
    """An operation's status changes and its executions', each in its order, none contradicting another."""

    operation: list[Body]
    executions: list[list[Body]]

    def bodies(self) -> list[Body]:
        """All executions' bodies."""
        return [body for one in self.executions for body in one]


def story(rng: Random, ended: bool = True) -> Story:
    """A consistent history; ``ended`` gives everything in it a terminal status."""
    operation_id, strategy_id = uuid(rng), uuid(rng)
    outcomes = [rng.choice(("settled", "settled", "rejected", "skipped")) for _ in range(rng.randrange(5))]
    executions = [_execution(rng, operation_id, strategy_id, outcome, ended) for outcome in outcomes]
    last = _end(outcomes)
    statuses = [("validating", ""), ("pricing", ""), ("settling", "")]
    steps = [step for step in statuses if rng.random() < 0.7]
    if ended or not steps or rng.random() < 0.5:
        steps.append(last)
    base = {
        "id": operation_id,
        "strategy_id": strategy_id,
        "request_id": uuid(rng),
        "type": rng.choice(("enrollment", "top_up", "partial_sell")),
    }
    rest = {"allocations": _allocations(rng), "created_at": stamp(0)}
    operation = []
    second = 0
    for status, reason in steps:
        second += rng.randrange(3)
        operation.append(
            {**base, "status": status, "status_reason": reason, **rest, "updated_at": stamp(second)}
        )
    return Story(operation, executions)


def _end(outcomes: list[str]) -> tuple[str, str]:
    """The terminal status and reason of an operation with these executions (000)."""
    kinds = set(outcomes)
    if not kinds:
        return "failed", "no_executions"
    if "settled" in kinds:
        return "settled", "partial_success" if "rejected" in kinds else ""
    if kinds == {"rejected"}:
        return "failed", "all_rejected"
    if kinds == {"skipped"}:
        return "skipped", "all_skipped"
    return "failed", ""


def _allocations(rng: Random) -> list[Body]:
    weights = rng.choice((["1"], ["0.5", "0.5"], ["0.33", "0.33", "0.33"], ["0.25", "0.75"]))
    return [
        {"underlying_currency": currency, "weight": weight}
        for currency, weight in zip(("BTC", "ETH", "SOL"), weights, strict=False)
    ]


def _execution(rng: Random, operation_id: str, strategy_id: str, outcome: str, ended: bool) -> list[Body]:
    trader = "" if outcome == "rejected" and rng.random() < 0.5 else uuid(rng)
    base = {
        "id": uuid(rng),
        "strategy_id": strategy_id,
        "operation_id": operation_id,
        "trader_id": trader,
        "participant_code": f"P{rng.randrange(1000)}",
        "account_label": strategy_id if trader else "",
    }
    orders = [_order(rng, currency) for currency in ("BTC", "ETH", "SOL")[: rng.randrange(1, 4)]]
    created = {"created_at": stamp(rng.randrange(3))}
    steps: list[Body] = []
    if outcome != "rejected" or rng.random() < 0.5:
        pending = [{**order, "status": "pending", "status_reason": ""} for order in orders]
        steps.append(_step(base, "awaiting_execution", "", pending, created, stamp(3)))
    if ended or not steps or rng.random() < 0.5:
        reason = rng.choice(_REASONS) if outcome == "rejected" else ""
        filled = [_filled(rng, order) for order in orders] if outcome == "settled" else []
        steps.append(_step(base, outcome, reason, filled, created, stamp(3 + rng.randrange(9))))
    return steps


def _step(base: Body, status: str, reason: str, instructions: list[Body], created: Body, at: str) -> Body:
    own = {"status": status, "status_reason": reason, "instructions": instructions}
    return {**base, **own, **created, "updated_at": at}


def _order(rng: Random, currency: str) -> Body:
    return {
        "underlying_currency": currency,
        "quoted_currency": "USD",
        "side": rng.choice(("buy", "sell")),
        "amount": amount(rng),
        "amount_type": rng.choice(("notional", "quantity")),
    }


def _filled(rng: Random, order: Body) -> Body:
    return {
        **order,
        "status": "executed",
        "status_reason": "",
        "price": amount(rng),
        "quantity": amount(rng),
        "total_notional": amount(rng),
        "trade_ids": [uuid(rng) for _ in range(rng.randrange(1, 3))],
        "executed_at": stamp(5),
    }


def encoded(rng: Random, body: Body) -> bytes:
    """The body as some sender writes it: any order of keys and any white space."""
    names = list(body)
    if rng.random() < 0.3:
        rng.shuffle(names)
    text = json.dumps(
        {name: body[name] for name in names},
        indent=rng.choice((None, None, 2)),
        ensure_ascii=rng.random() < 0.5,
        separators=rng.choice(((",", ":"), (", ", ": "))),
    )
    return text.encode()


_ODD = (
    '"odd": 1.50',
    '"odd": 123456789012345678901234567890',
    '"odd": -0.0e-0',
    '"nested": {"a": [1.10, {"b": 1E2}], "c": null}',
    '"sequence": 99, "_facts": "x", "disputed": true, "executions": {"total": 7}, "execution_ids": "mine"',
    '"_json": ["odd"], "weights_rounded": "no", "odd": "null", "odder": null',
    '"\\u00fcber": "\\ud83d\\ude00", "~/": "a/b~c"',
)


def with_odd_extras(rng: Random, value: bytes) -> bytes:
    """The same body with unknown fields, at the top and, where there is room, within a nested object."""
    extra = rng.choice(_ODD).encode()
    value = value.rstrip()[:-1].rstrip() + b"," + extra + b"}"
    if rng.random() < 0.5:
        value = value.replace(b'"underlying_currency"', b'"deep": 2.50, "underlying_currency"', 1)
    return value


def contradicted(rng: Random, body: Body) -> Body:
    """The body with something else in it than was said before, still a valid one."""
    change = rng.randrange(4)
    if change == 0:
        return {**body, "updated_at": stamp(30 + rng.randrange(9))}
    if change == 1:
        return {**body, "status": rng.choice(("settled", "skipped", "rejected", "failed", "dreaming"))}
    if change == 2:
        return {**body, "strategy_id": uuid(rng)}
    return {**body, "status_reason": rng.choice((None, "another", ""))}


def broken(rng: Random, body: Body) -> bytes | None:
    """What can't be folded, in one of many ways."""
    value = json.dumps(body).encode()
    way = rng.randrange(9)
    if way == 0:
        return None
    if way == 1:
        return value[: rng.randrange(len(value))]
    if way == 2:
        return rng.choice((b"", b"null", b"[]", b'"x"', b"NaN", b"\xff\xfe", b"{}", b"[" * 40, b'{"id": 1}'))
    if way == 3:
        return json.dumps({name: v for name, v in body.items() if name != rng.choice(list(body))}).encode()[
            :-1
        ]
    if way == 4:
        name = rng.choice(list(body))
        return json.dumps({other: v for other, v in body.items() if other != name}).encode()
    if way == 5:
        return json.dumps({**body, rng.choice(list(body)): rng.choice((1, [], {"a": 1}, True))}).encode()
    if way == 6:
        return json.dumps({**body, "updated_at": "2026-02-30T00:00:00Z"}).encode()
    if way == 7:
        return json.dumps(
            {**body, "x": [[[[0] * 3] * 3] * 3], "deep": json.loads("[" * 33 + "]" * 33)}
        ).encode()
    return json.dumps({**body, "id": "urn:uuid:" + body["id"]}).encode()


@dataclass
class Noise:
    """Shares of what spoils a history; ``broken`` is the number of broken records for each body, on average."""

    duplicates: float = 0.25
    contradictions: float = 0.05
    broken: float = 0.05
    extras: float = 0.1
    reordered: float = 0.2


def spoiled(rng: Random, bodies: list[Body], noise: Noise | None = None) -> list[bytes | None]:
    """Records as a topic has them: the bodies, some of them doubled, moved, contradicted or broken."""
    noise = noise or Noise()
    values: list[bytes | None] = []
    for body in bodies:
        value = encoded(rng, body)
        if rng.random() < noise.extras:
            value = with_odd_extras(rng, value)
        values.append(value)
        if rng.random() < noise.duplicates:
            values.insert(rng.randrange(len(values) + 1), rng.choice((value, encoded(rng, body))))
        if rng.random() < noise.contradictions:
            values.insert(rng.randrange(len(values) + 1), encoded(rng, contradicted(rng, body)))
        while rng.random() * (1 + noise.broken) < noise.broken:
            values.append(broken(rng, body))
    for at in range(len(values)):
        if rng.random() < noise.reordered:
            other = rng.randrange(max(0, at - 5), min(len(values), at + 5))
            values[at], values[other] = values[other], values[at]
    return values
