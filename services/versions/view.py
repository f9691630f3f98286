"""A version and its strategy as Redis and ``versions.state`` show them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final

import orjson

from libs.contracts.names import companion_of
from libs.ledger.aggregate import View
from libs.ledger.document import Fields
from services.versions.model import Version, plain
from services.versions.plan import Order, Portfolio, Position
from services.versions.strategy import Execution, Key, Strategy

_TEXTS: Final = (
    "strategy_id",
    "cash_weight",
    "old_cash_weight",
    "scheduled_for",
    "status",
    "executed_at",
    "inserted_at",
)


def render(state: Version) -> View:
    """The projection's own fields; ``_memory`` is what the fold needs beside them."""
    if state.deleted:
        kept = {"id": state.id, "strategy_id": state.strategy_id or "", "_deleted": "1"}
        kept["refused"] = orjson.dumps([dict(one) for one in state.refused]).decode()
        return View(kept, b"{}", frozenset(), gone=True)
    positions, orders = [plain(one) for one in state.positions], [plain(one) for one in state.orders]
    document = {
        "id": state.id,
        "strategy_id": state.strategy_id,
        "organization_id": state.organization_id,
        **{name: getattr(state, name) for name in _TEXTS[1:]},
        "positions": positions,
        "orders": orders,
        "refused": [dict(one) for one in state.refused],
    }
    fields = _texts(document)
    fields["_memory"] = orjson.dumps([state.targets, state.sent, state.organization_id]).decode()
    indexes = set()
    if state.inserted_at is not None:
        indexes = {("strategy", state.strategy_id or "")}
        if state.status is not None:
            indexes.add(("status", state.status))
    tables = {"orders": _rows(orders), "positions": _rows(positions)}
    return View(fields, orjson.dumps(document), frozenset(indexes), tables=tables)


def restore(version_id: str, fields: Mapping[str, str]) -> Version:
    """The state that ``render`` was made from. Raises KeyError, ValueError."""
    if fields.get("_deleted") == "1":
        return Version(
            version_id, fields["strategy_id"] or None, deleted=True, refused=_refused(fields["refused"])
        )
    targets, sent, organization_id = orjson.loads(fields["_memory"])
    known: dict[str, Any] = {name: None if fields[name] == "null" else fields[name] for name in _TEXTS}
    return Version(
        id=version_id,
        organization_id=organization_id,
        targets=tuple((symbol, weight) for symbol, weight in targets),
        positions=tuple(Position(**one) for one in orjson.loads(fields["positions"])),
        orders=tuple(Order(**one) for one in orjson.loads(fields["orders"])),
        sent=sent,
        refused=_refused(fields["refused"]),
        **known,
    )


def render_strategy(state: Strategy) -> View:
    """What a strategy holds, and which version is being executed; ``_memory`` is what the fold needs beside that."""
    document = {
        "id": state.strategy_id,
        "organization_id": state.organization_id,
        "portfolio_value": state.portfolio_value,
        "cash_weight": state.held.cash,
        "positions": [{"symbol": symbol, "weight": weight} for symbol, weight in state.held.weights.items()],
        "executed": state.executed,
        "in_flight": state.in_flight,
    }
    fields = _texts(document)
    before = None
    if state.before is not None:
        held, executed = state.before
        before = [held.cash, list(held.weights.items()), executed]
    memory = [
        state.registered,
        state.organization_id,
        before,
        sorted(state.unended),
        [(one.version_id, one.place, one.orders) for one in state.executions],
    ]
    fields["_memory"] = orjson.dumps(memory).decode()
    fields["_keys"] = orjson.dumps([list(asdict(key).values()) for key in state.keys]).decode()
    return View(fields, orjson.dumps(document), frozenset())


def restore_strategy(subject: str, fields: Mapping[str, str]) -> Strategy:
    """The state that ``render_strategy`` was made from. Raises KeyError, ValueError."""
    registered, organization_id, before, unended, executions = orjson.loads(fields["_memory"])
    weights = {one["symbol"]: one["weight"] for one in orjson.loads(fields["positions"])}
    return Strategy(
        id=companion_of("versions", fields["id"]),
        organization_id=organization_id,
        registered=registered,
        portfolio_value=None if fields["portfolio_value"] == "null" else fields["portfolio_value"],
        held=Portfolio(fields["cash_weight"], MappingProxyType(weights)),
        executed=None if fields["executed"] == "null" else fields["executed"],
        before=None
        if before is None
        else (Portfolio(before[0], MappingProxyType(dict(before[1]))), before[2]),
        in_flight=None if fields["in_flight"] == "null" else fields["in_flight"],
        unended=frozenset(unended),
        executions=tuple(Execution(*one) for one in executions),
        keys=tuple(Key(*one) for one in orjson.loads(fields["_keys"])),
    )


def _refused(text: str) -> tuple[Mapping[str, Any], ...]:
    return tuple(MappingProxyType(one) for one in orjson.loads(text))


def _rows(items: list[dict[str, Any]]) -> Fields:
    return {one["id"]: orjson.dumps(one).decode() for one in items}


def _texts(document: Mapping[str, Any]) -> Fields:
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in document.items()
    }
