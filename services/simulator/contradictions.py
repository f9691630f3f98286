"""Statements that deny what was final: valid in themselves, and wrong once the truth is known. Pure."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, Final

from services.simulator.identifiers import uuid_text

Document = dict[str, Any]
Contradiction = Callable[[Random, Document], Document]

_OTHER_ENDS: Final = {
    "operations": (
        ("settled", ""),
        ("settled", "partial_success"),
        ("skipped", "all_skipped"),
        ("failed", "all_rejected"),
    ),
    "executions": (
        ("rejected", "insufficient_funds"),
        ("rejected", "participant_not_approved"),
        ("skipped", ""),
    ),
}
_TYPES: Final = ("enrollment", "top_up", "partial_sell")


def _other_status(rng: Random, document: Document) -> Document:
    """Another terminal status."""
    ends = _OTHER_ENDS["operations" if "allocations" in document else "executions"]
    status, reason = rng.choice([end for end in ends if end[0] != document["status"]])
    changed = {**document, "status": status, "status_reason": reason}
    if "instructions" in document:
        changed["instructions"] = []
    return changed


def _other_account(rng: Random, document: Document) -> Document:
    """The same status with another story: its reason, or a fill at another price."""
    fills = [entry for entry in document.get("instructions", ()) if entry["status"] == "executed"]
    if not fills:
        return {**document, "status_reason": f"{document['status_reason']}_corrected".lstrip("_")}
    wrong = rng.choice(fills)
    # One digit more of the price, which is no rounding that a sender could mean.
    price = wrong["price"] + ("1" if "." in wrong["price"] else ".1")
    instructions = [
        {**entry, "price": price} if entry is wrong else entry for entry in document["instructions"]
    ]
    return {**document, "instructions": instructions}


def _other_strategy(rng: Random, document: Document) -> Document:
    return {**document, "strategy_id": uuid_text(rng)}


def _other_owner(rng: Random, document: Document) -> Document:
    """An execution of another operation, an operation of another request or type."""
    if "operation_id" in document:
        return {**document, "operation_id": uuid_text(rng)}
    if rng.random() < 1 / 2:
        return {**document, "request_id": uuid_text(rng)}
    return {**document, "type": rng.choice([kind for kind in _TYPES if kind != document["type"]])}


CONTRADICTIONS: Final[dict[str, Contradiction]] = {
    "status": _other_status,
    "account": _other_account,
    "strategy": _other_strategy,
    "owner": _other_owner,
}
_POINTS: Final = ("status", "status", "account", "account", "strategy", "owner")


def contradict(rng: Random, document: Document) -> tuple[str, Document]:
    """A contradiction to a terminal document, and its point."""
    point = rng.choice(_POINTS)
    return point, CONTRADICTIONS[point](rng, document)
