"""When a scheduled version is due, and the command that says so. Pure but for what it is told the prices are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import orjson

from libs.contracts.versions import DUE, TOO_LARGE, unusual_terms
from libs.ledger.aggregate import Watch
from libs.ledger.invalid import Invalid
from libs.ledger.reading import check_caps
from libs.ledger.times import milliseconds, rfc3339
from services.versions.model import SCHEDULED, Version
from services.versions.strategy import Strategy
from services.versions.view import restore, restore_strategy

WATCHED: Final = ("status", SCHEDULED)

Quoted = Mapping[str, Mapping[str, str]]
Quotes = Callable[[Iterable[str]], Quoted | None]


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
        if found is None:
            return None
        command = _command(version, strategy, found, now)
        if not _fits(command):
            return None if _refused_for(version) == TOO_LARGE else _command(version, strategy, None, now)
        return None if _told_already(version, set(needed) - found.keys()) else command

    return Watch(WATCHED, due, lambda _, fields: fields["strategy_id"])


def _command(version: Version, strategy: Strategy, quotes: Quoted | None, now: int) -> dict[str, Any]:
    """The tick; without quotes one that is to be refused, since they are more than it can carry."""
    known = {} if quotes is None else quotes
    data: dict[str, Any] = {
        "version_id": version.id,
        "positions": [{"symbol": symbol, "weight": weight} for symbol, weight in version.targets],
        "prices": {symbol: quote["price"] for symbol, quote in known.items()},
        "instruments": unusual_terms(known),
        "portfolio_value": strategy.portfolio_value,
        "idempotency_key": None,
        "organization_id": strategy.organization_id,
    }
    if quotes is None:
        data["too_large"] = True
    return {
        "event": DUE,
        "id": f"{version.id}@{now}",
        "ts": rfc3339(now),
        "strategy_id": version.strategy_id,
        "data": data,
    }


def _fits(command: dict[str, Any]) -> bool:
    try:
        check_caps(orjson.dumps(command))
    except Invalid:
        return False
    return True


def _refused_for(version: Version) -> str | None:
    """Why the last tick was refused, None where something else came after it."""
    if not version.refused or version.refused[-1]["event"] != DUE:
        return None
    code: str = version.refused[-1]["code"]
    return code


def _told_already(version: Version, lacking: set[str]) -> bool:
    """Whether the last tick was refused for want of these very prices: it is told once, and waits for them."""
    if not lacking or _refused_for(version) is None:
        return False
    last = version.refused[-1]
    return lacking <= {*last.get("unknown_symbols", ()), *last.get("symbols", ())}
