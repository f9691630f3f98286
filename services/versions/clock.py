"""When a scheduled version is due, and the command that says so. Pure but for what it is told the prices are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from libs.contracts.versions import DUE
from libs.ledger.aggregate import Watch
from libs.ledger.times import milliseconds, rfc3339
from services.versions.model import SCHEDULED, Version
from services.versions.plan import Targets
from services.versions.view import restore, restore_strategy

WATCHED: Final = ("status", SCHEDULED)

Quotes = Callable[[Iterable[str]], Mapping[str, Mapping[str, str]] | None]


def watch(quotes: Quotes) -> Watch:
    """Watch the scheduled versions; ``quotes`` gives price, step and minimum of those symbols that have them.

    As long as it answers None, prices are not known yet, and nothing is due.
    """

    def due(
        version_id: str, fields: Mapping[str, str], shared: Mapping[str, str], now: int
    ) -> dict[str, Any] | None:
        version = restore(version_id, fields)
        if version.scheduled_for is None or milliseconds(version.scheduled_for) > now or not shared:
            return None
        strategy = restore_strategy("", shared)
        if strategy.portfolio_value is None or strategy.in_flight is not None:
            return None  # it waits until the strategy is registered, and the version before it is through
        needed = [*(symbol for symbol, _ in version.targets), *strategy.held.weights]
        found = quotes(needed)
        if found is None or _told_already(version, set(needed) - found.keys()):
            return None
        return {
            "event": DUE,
            "id": f"{version_id}@{now}",
            "ts": rfc3339(now),
            "strategy_id": version.strategy_id,
            "data": {
                "version_id": version_id,
                "positions": _positions(version.targets),
                "prices": {symbol: quote["price"] for symbol, quote in found.items()},
                "instruments": {
                    symbol: {"step": quote["step"], "minimum": quote["minimum"]}
                    for symbol, quote in found.items()
                },
                "portfolio_value": strategy.portfolio_value,
                "idempotency_key": None,
                "organization_id": strategy.organization_id,
            },
        }

    return Watch(WATCHED, due, lambda _, fields: fields["strategy_id"])


def _told_already(version: Version, lacking: set[str]) -> bool:
    """Whether the last tick was refused for want of these very prices: it is told once, and waits for them."""
    if not lacking or not version.refused or version.refused[-1]["event"] != DUE:
        return False
    last = version.refused[-1]
    return lacking <= {*last.get("unknown_symbols", ()), *last.get("symbols", ())}


def _positions(targets: Targets) -> list[dict[str, str]]:
    return [{"symbol": symbol, "weight": weight} for symbol, weight in targets]
