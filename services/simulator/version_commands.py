"""Commands of ``versions.in`` as those beside the API word them: whoever manages portfolios, and a broker. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from libs.contracts.versions import CANCEL, DRAFTED, ORDER_UPDATED, REGISTERED

Weights = Mapping[str, str]


def positions(weights: Weights) -> list[dict[str, str]]:
    """Weights in percent by symbol, as requests and commands have them."""
    return [{"symbol": symbol, "weight": weight} for symbol, weight in weights.items()]


def registered(
    command_id: str, ts: str, strategy_id: str, organization: str, value: str, cash: str, weights: Weights
) -> bytes:
    """A strategy is there, or what it is worth has changed."""
    return _command(
        REGISTERED,
        command_id,
        ts,
        strategy_id,
        organization_id=organization,
        portfolio_value=value,
        cash_weight=cash,
        positions=positions(weights),
    )


def drafted(
    command_id: str, ts: str, strategy_id: str, version_id: str, weights: Weights, scheduled_for: str | None
) -> bytes:
    """A version to be executed at a time, or never."""
    return _command(
        DRAFTED,
        command_id,
        ts,
        strategy_id,
        version_id=version_id,
        positions=positions(weights),
        scheduled_for=scheduled_for,
    )


def cancel(command_id: str, ts: str, strategy_id: str, version_id: str) -> bytes:
    """A version is not to be executed any more."""
    return _command(CANCEL, command_id, ts, strategy_id, version_id=version_id)


def order_updated(command_id: str, ts: str, strategy_id: str, data: Mapping[str, Any]) -> bytes:
    """What a broker tells of an order."""
    return _command(ORDER_UPDATED, command_id, ts, strategy_id, **data)


def _command(event: str, command_id: str, ts: str, strategy_id: str, **data: Any) -> bytes:
    return json.dumps(
        {"event": event, "id": command_id, "ts": ts, "strategy_id": strategy_id, "data": data}
    ).encode()
