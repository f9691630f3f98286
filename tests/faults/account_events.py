"""What happens in an account: what its upstream is told, what stands in Kafka for it, and the frames that are due."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from random import Random
from typing import Final

from services.simulator.channel import Channel, Lies
from services.simulator.strategy_stories import Stories, Told

_STRATEGIES: Final = 5
_START: Final = 1_780_000_000  # seconds since 1970
_LIES: Final = Lies(jump=0.02, double=0.03)
_AGAIN, _UNKNOWN, _BROKEN = 0.05, 0.02, 0.02


@dataclass(frozen=True, slots=True)
class Shown:
    """A frame that subscribers are to be shown."""

    seq: int
    strategy_id: str
    text: str


@dataclass(frozen=True, slots=True)
class Happened:
    """An event with its time, the records that a producer writes for it, and its frame."""

    event: Told
    ts: str
    records: list[str]
    due: Shown


class Account:
    """Some events of some strategies; numbers jump, and records come twice, late once more, unknown or broken."""

    def __init__(self, name: str, count: int, seed: int) -> None:
        self.name = name
        self.events: list[Happened] = []
        self._seed, self._rng = seed, Random(seed)
        stories, channel = Stories(seed, _STRATEGIES), self.channel()
        for number in range(1, count + 1):
            told = stories.next()
            ts = datetime.fromtimestamp(_START + number / 10, UTC).isoformat(timespec="milliseconds")
            ts = ts.replace("+00:00", "Z")
            sent = [one.text for one in channel.add(told.strategy_id, told.event, told.data, ts, 0)]
            due = sent[0].replace(f'"seq": {channel.last},', f'"seq": {number},')
            records = [*sent, *self._noise(sent[0])]
            self.events.append(Happened(told, ts, records, Shown(number, told.strategy_id, due)))

    @property
    def strategies(self) -> list[str]:
        """Their ids."""
        return sorted({one.event.strategy_id for one in self.events})

    def channel(self) -> Channel:
        """An upstream's, which numbers these events just so and keeps them all."""
        return Channel(1e9, _LIES, Random(self._seed))

    def _noise(self, record: str) -> list[str]:
        luck = self._rng.random()
        if luck < _AGAIN:
            return self._rng.choice(self.events[-100:]).records[:1] if self.events else []
        if luck < _AGAIN + _UNKNOWN:
            return [record.replace('"event": "', '"event": "new_')]
        return [record[:-2]] if luck < _AGAIN + _UNKNOWN + _BROKEN else []
