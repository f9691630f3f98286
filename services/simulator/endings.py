"""How an operation can end, its executions with it, by the rules of 000 and the reasons of 003. Pure."""

from __future__ import annotations

from random import Random
from typing import Final, NamedTuple

_EVERYBODY: Final = ("participant_not_approved", "participant_not_found")
_MONEY: Final = ("insufficient_funds", "below_instrument_minimum")
_ENROLLED: Final = (*_EVERYBODY, "trader_not_enrolled", "trader_not_found", *_MONEY)

# Refused at once, with no awaiting_execution before; and refused after it was accepted.
SOFT_REASONS: Final = {
    "enrollment": (*_EVERYBODY, "trader_already_enrolled", *_MONEY),
    "top_up": _ENROLLED,
    "partial_sell": _ENROLLED,
}
HARD_REASONS: Final = _MONEY
_SOFT: Final = 0.6

_NO_EXECUTIONS: Final = 0.03
_ALL_SKIPPED: Final = 0.03
_ALL_REJECTED: Final = 0.07
_PARTIAL_SUCCESS: Final = 0.15
_SOME_SKIPPED: Final = 0.1


class Ending(NamedTuple):
    """An operation's last status and reason, and the terminal status of each execution."""

    status: str
    status_reason: str
    fates: tuple[str, ...]


def ending(rng: Random, count: int) -> Ending:
    """An ending for an operation with so many participants (at least one)."""
    kinds = ("no_executions", "all_skipped", "all_rejected", "partial_success", "")
    shares = (_NO_EXECUTIONS, _ALL_SKIPPED, _ALL_REJECTED, _PARTIAL_SUCCESS if count > 1 else 0.0)
    match rng.choices(kinds, (*shares, 1 - sum(shares)))[0]:
        case "no_executions":
            return Ending("failed", "no_executions", ())
        case "all_skipped":
            return Ending("skipped", "all_skipped", ("skipped",) * count)
        case "all_rejected":
            return Ending("failed", "all_rejected", ("rejected",) * count)
        case "partial_success":
            fates = [
                "settled",
                "rejected",
                *rng.choices(("settled", "rejected", "skipped"), (6, 3, 1), k=count - 2),
            ]
            rng.shuffle(fates)
            return Ending("settled", "partial_success", tuple(fates))
        case _:
            skipped = rng.randrange(count) if rng.random() < _SOME_SKIPPED else 0
            return Ending("settled", "", ("settled",) * (count - skipped) + ("skipped",) * skipped)


def refusal(rng: Random, kind: str) -> tuple[str, bool]:
    """Why an execution of this type of operation is rejected, and whether that is known at once (a soft rejection)."""
    soft = rng.random() < _SOFT
    return rng.choice(SOFT_REASONS[kind] if soft else HARD_REASONS), soft
