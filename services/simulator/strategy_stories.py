"""Lives of made-up strategies, one event after another, with amounts that add up (004). Pure."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Final

_PRICES: Final = {"BTCUSDT": "67234.50", "ETHUSDT": "3120.40", "SOLUSDT": "148.75", "ADAUSDT": "0.4512"}
_REASONS: Final = ("exit_rule", "stop_loss", "take_profit")
_ERRORS: Final = (
    ("RATE_LIMITED", "Exchange asks to slow down", False),
    ("PRICE_FEED_STALE", "No tick for 5 s", False),
    ("EXCHANGE_AUTH_FAILED", "Exchange API key rejected", True),
)
_CENT: Final = Decimal("0.01")
_LOT: Final = Decimal("0.0001")
_FEE: Final = Decimal("0.0005")


@dataclass(frozen=True, slots=True)
class Told:
    """An event of a strategy, without its number and time."""

    strategy_id: str
    event: str
    data: dict[str, Any]


@dataclass(slots=True)
class _Life:
    id: str
    status: str | None = None
    position: dict[str, Any] | None = None
    order: dict[str, Any] | None = None
    filled: Decimal = Decimal(0)
    next: list[str] = field(default_factory=list)


class Stories:
    """The events of some strategies, mixed; the same seed tells the same."""

    def __init__(self, seed: int, strategies: int) -> None:
        self._rng = Random(seed)  # noqa: S311 - reproducible, not secret
        self._lives = [_Life(f"strat_{self._hex(6)}") for _ in range(strategies)]

    def next(self) -> Told:
        """The next event of any of them."""
        life = self._rng.choice(self._lives)
        event, data = self._step(life)
        return Told(life.id, event, data)

    def _step(self, life: _Life) -> tuple[str, dict[str, Any]]:
        if life.status != "deployed":
            life.status = "deployed"
            return "deployed", {}
        if life.order is not None:
            return self._of_order(life, life.order)
        luck = self._rng.random()
        if luck < 0.04:
            code, message, fatal = self._rng.choice(_ERRORS)
            life.status = "error" if fatal else life.status
            return "error", {"code": code, "message": message, "fatal": fatal}
        if luck < 0.08:
            life.status = "paused"
            return "paused", {}
        if life.position is None:
            return self._open(life)
        if life.next:
            life.next.pop()
            return self._place(life, life.position)
        return self._close(life, life.position)

    def _open(self, life: _Life) -> tuple[str, dict[str, Any]]:
        symbol = self._rng.choice(sorted(_PRICES))
        price = self._price(symbol)
        quantity = Decimal(self._rng.randint(50, 5_000)) * _LOT
        life.position = {
            "position_id": f"pos_{self._hex(6)}",
            "symbol": symbol,
            "side": self._rng.choice(("long", "short")),
            "entry_price": str(price),
            "quantity": str(quantity),
            "leverage": self._rng.randint(1, 5),
            "notional": str(_money(price * quantity)),
        }
        life.next = ["order"]
        return "position_opened", dict(life.position)

    def _place(self, life: _Life, position: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        life.filled = Decimal(0)
        life.order = {
            "order_id": f"ord_{self._hex(6)}",
            "position_id": position["position_id"],
            "symbol": position["symbol"],
            "side": "buy" if position["side"] == "long" else "sell",
            "type": "limit",
            "price": position["entry_price"],
            "quantity": position["quantity"],
        }
        return "order_placed", dict(life.order)

    def _of_order(self, life: _Life, order: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        if self._rng.random() < 0.08:
            life.order = None
            return "order_cancelled", {name: order[name] for name in ("order_id", "position_id", "symbol")}
        quantity = Decimal(order["quantity"])
        before = life.filled
        rest = quantity - before
        part = (rest * self._rng.choice((1, 1, 2)) / 2).quantize(_LOT, ROUND_HALF_UP) or rest
        life.filled = min(quantity, before + part)
        if life.filled == quantity:
            life.order = None
        fee = ((life.filled - before) * Decimal(order["price"]) * _FEE).quantize(_LOT, ROUND_HALF_UP)
        return "order_filled", {
            **order,
            "filled_quantity": str(life.filled),
            "fee": str(fee),
            "fee_currency": "USDT",
        }

    def _close(self, life: _Life, position: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        life.position = None
        exit_price = self._price(position["symbol"])
        gained = (exit_price - Decimal(position["entry_price"])) * Decimal(position["quantity"])
        kept = {name: position[name] for name in ("position_id", "symbol", "side", "entry_price")}
        return "position_closed", {
            **kept,
            "exit_price": str(exit_price),
            "quantity": position["quantity"],
            "realized_pnl": str(_money(gained if position["side"] == "long" else -gained)),
            "reason": self._rng.choice(_REASONS),
        }

    def _price(self, symbol: str) -> Decimal:
        middle = Decimal(_PRICES[symbol])
        return (middle * (1000 + self._rng.randint(-30, 30)) / 1000).quantize(middle, ROUND_HALF_UP)

    def _hex(self, digits: int) -> str:
        return f"{self._rng.getrandbits(4 * digits):0{digits}x}"


def _money(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, ROUND_HALF_UP)
