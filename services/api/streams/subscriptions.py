"""What a connection is subscribed to, and which frames that makes it get, each once. Pure."""

from __future__ import annotations

from libs.contracts.strategies import EVERYTHING
from services.api.streams.frame import Frame


class Subscriptions:
    """Ids, each with a floor: of the frames that it names, those with greater numbers are sent."""

    def __init__(self, floors: dict[str, int] | None = None) -> None:
        self._floors = {} if floors is None else floors

    def __contains__(self, name: str) -> bool:
        return name in self._floors

    def __len__(self) -> int:
        return len(self._floors)

    @property
    def ids(self) -> list[str]:
        """Of all that is subscribed to."""
        return list(self._floors)

    def add(self, name: str, floor: int) -> None:
        """Subscribe; a second time under the same id only reaches further back."""
        self._floors[name] = min(floor, self._floors.get(name, floor))

    def remove(self, name: str) -> None:
        """Unsubscribe, whether it was there or not."""
        self._floors.pop(name, None)

    def copy(self) -> Subscriptions:
        """As they are now."""
        return Subscriptions(dict(self._floors))

    def all_above(self, seq: int) -> bool:
        """Whether every frame of the account from a number on is sent."""
        floor = self._floors.get(EVERYTHING)
        return floor is not None and floor < seq

    def wants(self, frame: Frame) -> bool:
        """Whether a frame is sent."""
        one, every = self._floors.get(frame.strategy_id), self._floors.get(EVERYTHING)
        return (one is not None and frame.seq > one) or (every is not None and frame.seq > every)


def names(name: str, frame: Frame) -> bool:
    """Whether a subscription's id names a frame's strategy."""
    return name in (EVERYTHING, frame.strategy_id)
