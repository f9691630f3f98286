"""The life of a strategy (004): what an event does to it, and what follows from that. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Context, Decimal, Inexact
from types import MappingProxyType
from typing import Any, Final

from libs.contracts.fields import AMOUNT_PATTERN
from libs.contracts.strategies import DATA, SNAPSHOT_EVENT
from libs.ledger.aggregate import Derived
from libs.ledger.fact import Fact
from libs.ledger.reading import Document
from libs.ledger.verdict import Verdict

_AMOUNT: Final = re.compile(AMOUNT_PATTERN)
_EXACT: Final = Context(prec=60, traps=[Inexact])
_NONE: Final[Mapping[str, Any]] = MappingProxyType({})
_REMEMBERED: Final = 1_000  # ended positions and orders that are told from new ones
_STATUS: Final = {"deployed": "deployed", "paused": "paused", "error": "error"}


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy; ``positions`` and ``orders`` are the open ones by id, as they were told last.

    ``ended`` are closed positions and filled or cancelled orders (``position:<id>``, ``order:<id>``), the latest last.
    ``stands`` is the time (ms) and the number of what set the status, ``baseline`` those of the last snapshot: what is
    older is in it. ``completeness``, ``gaps`` and ``upstream_seq`` are those of its account at its last fact.
    """

    id: str
    status: str | None = None
    error: Mapping[str, str] | None = None
    positions: Mapping[str, Document] = field(default_factory=lambda: _NONE)
    orders: Mapping[str, Document] = field(default_factory=lambda: _NONE)
    realized_pnl: str = "0"
    fees: Mapping[str, str] = field(default_factory=lambda: _NONE)
    completeness: str = "complete"
    gaps: tuple[tuple[int, int], ...] = ()
    upstream_seq: int | None = None
    ended: tuple[str, ...] = ()
    stands: tuple[int, int] | None = None
    baseline: tuple[int, int] | None = None

    @property
    def account(self) -> str:
        """The account that it belongs to."""
        return self.id.partition(":")[0]


def initial(subject: str) -> Strategy:
    """A strategy of which nothing is known; the subject is ``<account>:<strategy_id>``."""
    return Strategy(subject)


def fold(state: Strategy, fact: Fact) -> Verdict:
    """Decide what an event that was never seen before means."""
    body = fact.body
    event, data = body["event"], body["data"]
    if event not in DATA:
        return Verdict.IGNORED
    if _older(fact, state.baseline):
        return Verdict.LATE
    if event == SNAPSHOT_EVENT or event in _STATUS:
        if event == "error" and not data["fatal"]:
            return Verdict.APPLIED
        return Verdict.LATE if _older(fact, state.stands) else Verdict.APPLIED
    if event in ("position_opened", "position_closed"):
        return Verdict.LATE if _position(data) in state.ended else Verdict.APPLIED
    if event == "order_filled":
        return Verdict.APPLIED if _delta(state, data) > 0 else Verdict.LATE
    known = state.orders.get(data["order_id"])
    over = _order(data) in state.ended or (event == "order_placed" and known is not None)
    return Verdict.LATE if over else Verdict.APPLIED


def _older(fact: Fact, other: tuple[int, int] | None) -> bool:
    """Whether a fact was overtaken: a smaller number alone may only mean that upstream's counter began anew."""
    return other is not None and fact.at <= other[0] and fact.body["seq"] <= other[1]


def _position(data: Document) -> str:
    return f"position:{data['position_id']}"


def _order(data: Document) -> str:
    return f"order:{data['order_id']}"


def _filled(state: Strategy, order_id: str) -> Decimal:
    """How much of an order is known to be filled; 004 does not say what an order was placed with."""
    told = state.orders.get(order_id, _NONE).get("filled_quantity")
    return Decimal(told) if isinstance(told, str) and _AMOUNT.fullmatch(told) else Decimal(0)


def _delta(state: Strategy, data: Document) -> Decimal:
    """By how much a fill is more than was known of its order; fills are cumulative."""
    if _order(data) in state.ended:
        return Decimal(0)
    return _EXACT.subtract(Decimal(data["filled_quantity"]), _filled(state, data["order_id"]))


def evolve(state: Strategy, fact: Fact, verdict: Verdict) -> Strategy:
    """The strategy after an event; of a late fill its fee counts all the same, since it was paid."""
    body = fact.body
    account = fact.context
    if account is not None:
        state = replace(
            state,
            completeness=account.completeness,
            gaps=account.missing,
            upstream_seq=account.upstream_seq,
        )
    event, data = body["event"], body["data"]
    if event == "order_filled" and not _older(fact, state.baseline):
        paid = _add(state.fees.get(data["fee_currency"], "0"), data["fee"])
        state = replace(state, fees={**state.fees, data["fee_currency"]: paid})
    if verdict is not Verdict.APPLIED:
        return state
    return replace(state, **_changes(state, fact, event, data))


def _changes(state: Strategy, fact: Fact, event: str, data: Document) -> dict[str, Any]:
    stands = (fact.at, fact.body["seq"])
    match event:
        case "deployed" | "paused":
            return {"status": event, "error": None, "stands": stands}
        case "error":
            if not data["fatal"]:
                return {}
            return {"status": "error", "error": _fault(data), "stands": stands}
        case "position_opened":
            return {"positions": {**state.positions, data["position_id"]: data}}
        case "position_closed":
            return {
                "positions": _without(state.positions, data["position_id"]),
                "realized_pnl": _add(state.realized_pnl, data["realized_pnl"]),
                "ended": _ended(state, _position(data)),
            }
        case "order_placed":
            return {"orders": {**state.orders, data["order_id"]: data}}
        case "order_filled":
            order_id = data["order_id"]
            if Decimal(data["filled_quantity"]) >= Decimal(data["quantity"]):
                return {"orders": _without(state.orders, order_id), "ended": _ended(state, _order(data))}
            fee = ("fee", "fee_currency")
            order = {name: value for name, value in data.items() if name not in fee}
            return {"orders": {**state.orders, order_id: {**state.orders.get(order_id, _NONE), **order}}}
        case "order_cancelled":
            return {"orders": _without(state.orders, data["order_id"]), "ended": _ended(state, _order(data))}
        case _:  # a snapshot stands for everything before it
            return {
                "status": data["status"],
                "error": None if data["error"] is None else _fault(data["error"]),
                "positions": {one["position_id"]: one for one in data["positions"]},
                "orders": {one["order_id"]: one for one in data["orders"]},
                "realized_pnl": data["realized_pnl"],
                "fees": data["fees"],
                "stands": stands,
                "baseline": stands,
            }


def _fault(data: Document) -> dict[str, str]:
    return {"code": data["code"], "message": data["message"]}


def _without(items: Mapping[str, Document], one: str) -> dict[str, Document]:
    return {name: item for name, item in items.items() if name != one}


def _ended(state: Strategy, one: str) -> tuple[str, ...]:
    return (*state.ended, one)[-_REMEMBERED:]


def _add(total: str, amount: str) -> str:
    return format(_EXACT.add(Decimal(total), Decimal(amount)), "f")


def derive(before: Strategy, after: Strategy, fact: Fact, verdict: Verdict) -> list[Derived]:
    """What follows from an event, in order."""
    if verdict is not Verdict.APPLIED:
        return []
    event, data = fact.body["event"], fact.body["data"]
    about = {"account": after.account, "strategy_id": after.id.partition(":")[2], "seq": fact.body["seq"]}
    events = []
    if event == "order_filled":
        delta = format(_delta(before, data), "f")
        events.append(Derived("strategy.order_filled", {**about, **data, **about, "delta_quantity": delta}))
    elif event not in ("deployed", "paused", SNAPSHOT_EVENT):
        events.append(Derived(f"strategy.{event}", {**about, **data, **about}))
    if after.status != before.status:
        changed = {"from": before.status, "to": after.status}
        events.append(Derived("strategy.status_changed", {**about, **changed}))
    if event == "error" and data["fatal"]:
        events.append(Derived("strategy.halted", {**about, **data, **about}))
    return events
