"""The orders that a made-up broker has not seen end, from what one partition of ``versions.events`` tells. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from services.simulator.broker_plan import ENDED, Order, order_of

_CREATED: Final = "stratafold.order.created.v1"
_UPDATED: Final = "stratafold.order.updated.v1"


class Book:
    """Outstanding orders, and where in the topic to begin anew so that none of them is forgotten.

    An event that stands twice changes nothing in the end: its order's later ones stand behind it again.
    """

    def __init__(self) -> None:
        self._orders: dict[str, Order] = {}
        self._created: dict[str, int] = {}  # in the order of their offsets

    def take(self, offset: int, event: Mapping[str, Any]) -> None:
        """Take in the event at an offset."""
        kind = event["type"]
        if kind not in (_CREATED, _UPDATED):
            return
        order = order_of(event["data"])
        if order.status in ENDED:
            self._orders.pop(order.id, None)
            self._created.pop(order.id, None)
        elif kind == _CREATED or order.id in self._orders:
            self._orders[order.id] = order
            self._created.setdefault(order.id, offset)

    def get(self, order_id: str) -> Order | None:
        """An order that is outstanding, as it stands."""
        return self._orders.get(order_id)

    def outstanding(self) -> list[Order]:
        """All of them, the oldest first."""
        return list(self._orders.values())

    def mark(self, position: int) -> int:
        """Where to begin anew: at the creation of the oldest of them, or where reading stands."""
        return next(iter(self._created.values()), position)
