"""The life of a made-up agent, some messages at a time, with every event of 002. Pure."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Any, Final

Message = dict[str, Any]

_PAIRS: Final = {"BNB/USDT": "612.40", "CAKE/USDT": "2.4150", "ETH/USDT": "3120.40", "BTC/USDT": "67234.50"}
_VETOES: Final = (
    ("streak_limit", "Three losing trades in a row: the next one has to wait."),
    ("daily_drawdown", "The trade could use up the rest of today's drawdown budget."),
)
_BLOCKS: Final = (
    ("per_trade_cap", "The transaction is over the cap of a single trade."),
    ("allowlist", "The token's contract is not on the allowlist."),
)
_QUOTES: Final = (
    ("divergence", "QUOTE_DIVERGENCE", "The quote is 1.8 % off the reference price; 1 % is allowed."),
    ("stale", "QUOTE_STALE", "The quote is 14 s old; 10 s are allowed."),
    ("insufficient_liquidity", "INSUFFICIENT_LIQUIDITY", "The pool holds 3,100 USDT; 5,000 are asked for."),
)
_START: Final = Decimal("10000.00")
_DAILY_LIMIT: Final = Decimal("0.03")
_SNAPSHOTS_A_DAY: Final = 40
_CENT: Final = Decimal("0.01")
_FRACTION: Final = Decimal("0.0001")


class AgentStory:
    """One agent; the same seed tells the same, but for the times, which it is told."""

    def __init__(self, seed: int) -> None:
        self._rng = Random(seed)  # noqa: S311 - reproducible, not secret
        self._equity = self._peak = self._day_began = _START
        self._status = "STOPPED"
        self._live = False
        self._number = 0
        self._snapshots = 0

    def snapshot(self, ts: str) -> list[Message]:
        """Its equity now; a drawdown over the daily limit demotes a live agent."""
        self._snapshots += 1
        if self._snapshots % _SNAPSHOTS_A_DAY == 0:
            self._day_began = self._equity
        self._peak = max(self._peak, self._equity)
        lost_today = max(Decimal(0), (self._day_began - self._equity) / self._day_began)
        told = [
            {
                "event": "snapshot",
                "ts": ts,
                "equity": str(self._equity),
                "phase": "LIVE" if self._live else "PAPER",
                "drawdown": _fraction((self._peak - self._equity) / self._peak),
                "daily_drawdown_used": _fraction(lost_today / _DAILY_LIMIT),
            }
        ]
        if self._live and lost_today > _DAILY_LIMIT:
            told += self._demoted(ts)
        return told

    def next(self, ts: str) -> list[Message]:
        """What happens next, with all that is told of it."""
        if self._status == "STOPPED":
            return self._moves("RUNNING", ts)
        luck = self._rng.random()
        if luck < 0.62:
            return self._trade(ts)
        if luck < 0.72:
            rule, why = self._rng.choice(_VETOES)
            veto = {
                "event": "risk_veto",
                "ts": ts,
                "rule": rule,
                "explanation": why,
                "order_ref": self._ref("ord"),
            }
            return [veto, self._journal("RISK_VETO", ["risk", rule], why, ts)]
        if luck < 0.82:
            category, code, why = self._rng.choice(_QUOTES)
            pair = self._rng.choice(sorted(_PAIRS))
            rejected = {"event": "quote_rejected", "ts": ts, "pair": pair, "category": category}
            return [
                {**rejected, "code": code, "explanation": why},
                self._journal("SKIPPED", ["quote", category], why, ts),
            ]
        if luck < 0.88:
            if not self._live:
                return self._promoted(ts)
            rule, why = self._rng.choice(_BLOCKS)
            ref = self._ref("ord")
            return [{"event": "twak_block", "ts": ts, "rule": rule, "explanation": why, "order_ref": ref}]
        if luck < 0.91:
            return self._moves("PAUSED" if self._status == "RUNNING" else "RUNNING", ts)
        return [self._journal("SKIPPED", ["signal"], "The signal is too weak for its cost.", ts)]

    def _trade(self, ts: str) -> list[Message]:
        pair = self._rng.choice(sorted(_PAIRS))
        middle = Decimal(_PAIRS[pair])
        price = (middle * (1000 + self._rng.randint(-20, 20)) / 1000).quantize(middle, ROUND_HALF_UP)
        size = Decimal(self._rng.randint(50_000, 300_000)) * _CENT
        closing = self._rng.random() < 0.6
        pnl = (size * self._rng.randint(-60, 70) / 1000).quantize(_CENT, ROUND_HALF_UP)
        fees = (size / 400).quantize(_CENT, ROUND_HALF_UP)
        self._equity += (pnl if closing else Decimal(0)) - fees
        entry = self._journal("EXECUTED", [pair, "trade"], f"{'Closed' if closing else 'Opened'} {pair}.", ts)
        trade = {
            "event": "trade",
            "ts": ts,
            "pair": pair,
            "side": "sell" if closing else "buy",
            "size": str(size),
            "price": str(price),
            "realised_pnl": str(pnl) if closing else None,
            "fees": str(fees),
            "journal_ref": entry["id"],
        }
        return [trade, entry]

    def _promoted(self, ts: str) -> list[Message]:
        self._live = True
        promoted = {"event": "promotion", "ts": ts, "tx_hash": f"0x{self._rng.getrandbits(256):064x}"}
        return [promoted, *self._moves("LIVE", ts)]

    def _demoted(self, ts: str) -> list[Message]:
        self._live = False
        demoted = {
            "event": "demotion",
            "ts": ts,
            "rule": "daily_drawdown",
            "limit": "daily",
            "locked_until": None,
        }
        return [demoted, *self._moves("PAPER", ts)]

    def _moves(self, to: str, ts: str) -> list[Message]:
        change = {"event": "status_change", "ts": ts, "from": self._status, "to": to}
        self._status = to
        return [change, self._journal("STATUS_CHANGE", ["lifecycle"], f"The agent is {to} now.", ts)]

    def _journal(self, kind: str, tags: list[str], description: str, ts: str) -> Message:
        about = {"id": self._ref("jrn"), "type": kind, "tags": tags, "description": description}
        return {"event": "journal_entry", "ts": ts, **about}

    def _ref(self, kind: str) -> str:
        self._number += 1
        return f"{kind}_{self._number:06d}_{self._rng.getrandbits(24):06x}"


def _fraction(value: Decimal) -> str:
    return str(value.quantize(_FRACTION, ROUND_HALF_UP))
