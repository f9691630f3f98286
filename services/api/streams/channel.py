"""An account's frames on their way to those who listen: kept in the ring, and sent to each who wants them."""

from __future__ import annotations

from typing import Protocol

from libs.contracts.strategies import EVERYTHING
from services.api.streams.frame import Frame
from services.api.streams.ring import Ring
from services.api.streams.subscriptions import Subscriptions


class Listener(Protocol):
    """A connection that is up to date."""

    subscriptions: Subscriptions

    def send(self, frames: bytes, first: int) -> None:
        """Send ready-made frames, the first with this number; never waits. It may leave the channel meanwhile."""


class Channel:
    """One account. ``partition`` is that of its log records."""

    def __init__(self, partition: int) -> None:
        self.partition = partition
        self.ring = Ring()
        self._everything: dict[Listener, None] = {}
        self._by_id: dict[str, dict[Listener, None]] = {}

    @property
    def heard(self) -> bool:
        """Whether anybody listens."""
        return bool(self._everything) or any(self._by_id.values())

    def join(self, listener: Listener) -> None:
        """From now on the listener is sent what it is subscribed to."""
        for name in listener.subscriptions.ids:
            if name == EVERYTHING:
                self._everything[listener] = None
            else:
                self._by_id.setdefault(name, {})[listener] = None

    def leave(self, listener: Listener) -> None:
        """From now on the listener is sent nothing; before its subscriptions change."""
        self._everything.pop(listener, None)
        for name in listener.subscriptions.ids:
            those = self._by_id.get(name)
            if those is not None:
                those.pop(listener, None)
                if not those:
                    del self._by_id[name]

    def publish(self, frames: list[Frame]) -> None:
        """Keep and send frames, joined once for all who want every one of them."""
        for frame in frames:
            self.ring.append(frame)
        if self._everything:
            joined = b"".join([frame.wire for frame in frames])
            for listener in list(self._everything):
                if listener.subscriptions.all_above(frames[0].seq):
                    listener.send(joined, frames[0].seq)
                else:
                    self._send_wanted(listener, frames)
        if self._by_id:
            self._publish_by_id(frames)

    def _publish_by_id(self, frames: list[Frame]) -> None:
        wanted: dict[Listener, list[Frame]] = {}
        for frame in frames:
            for listener in self._by_id.get(frame.strategy_id, ()):
                if listener not in self._everything:
                    wanted.setdefault(listener, []).append(frame)
        for listener, some in wanted.items():
            self._send_wanted(listener, some)

    def _send_wanted(self, listener: Listener, frames: list[Frame]) -> None:
        wanted = [frame for frame in frames if listener.subscriptions.wants(frame)]
        if wanted:
            listener.send(b"".join([frame.wire for frame in wanted]), wanted[0].seq)
