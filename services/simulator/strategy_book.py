"""What a made-up upstream knows of its strategies: the answers of Get Strategy. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any


class Book:
    """Strategies as their own events left them."""

    def __init__(self) -> None:
        self._strategies: dict[str, dict[str, Any]] = {}

    def apply(self, strategy_id: str, event: str, data: Mapping[str, Any]) -> None:
        """Take an event in."""
        one = self._strategies.setdefault(
            strategy_id,
            {"status": None, "error": None, "positions": {}, "orders": {}, "pnl": Decimal(0), "fees": {}},
        )
        match event:
            case "deployed" | "paused":
                one["status"], one["error"] = event, None
            case "error" if data["fatal"]:
                one["status"] = "error"
                one["error"] = {"code": data["code"], "message": data["message"]}
            case "position_opened":
                one["positions"][data["position_id"]] = dict(data)
            case "position_closed":
                one["positions"].pop(data["position_id"], None)
                one["pnl"] += Decimal(data["realized_pnl"])
            case "order_placed":
                one["orders"][data["order_id"]] = dict(data)
            case "order_filled":
                self._filled(one, data)
            case "order_cancelled":
                one["orders"].pop(data["order_id"], None)
            case _:
                pass

    @staticmethod
    def _filled(one: dict[str, Any], data: Mapping[str, Any]) -> None:
        currency = data["fee_currency"]
        one["fees"][currency] = one["fees"].get(currency, Decimal(0)) + Decimal(data["fee"])
        if Decimal(data["filled_quantity"]) >= Decimal(data["quantity"]):
            one["orders"].pop(data["order_id"], None)
        else:
            order = {name: value for name, value in data.items() if name not in ("fee", "fee_currency")}
            one["orders"][data["order_id"]] = order

    def answer(self, strategy_id: str, account: str, last: int) -> dict[str, Any] | None:
        """What Get Strategy says; ``last`` is the stream's number. None for a strategy that there is not."""
        one = self._strategies.get(strategy_id)
        if one is None:
            return None
        return {
            "id": strategy_id,
            "account": account,
            "status": one["status"],
            "error": one["error"],
            "positions": list(one["positions"].values()),
            "orders": list(one["orders"].values()),
            "realized_pnl": str(one["pnl"]),
            "fees": {currency: str(amount) for currency, amount in one["fees"].items()},
            "upstream_seq": last,
            "seq": last,
        }
