"""Everything that goes wrong between a sender and us: repeats, delays, contradictions, broken bodies. Pure.

The same seed, shares, start and rate give the same bytes in the same order.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from heapq import heappop, heappush
from math import inf
from random import Random
from typing import Final, Literal, NamedTuple

import orjson

from services.simulator.contradictions import contradict
from services.simulator.flaws import spoil
from services.simulator.identifiers import uuid_text
from services.simulator.scenario import Step, Story, Webhook, new_world, tell

Kind = Literal["plain", "duplicate", "late", "contradiction", "broken"]

_REWRITTEN: Final = 0.2  # of the duplicates: the same JSON in another order of keys, with white space
# How long after the first delivery a repeat comes: at once, after a time-out, from a queue that was stuck.
_REPEATS: Final = ((0.01, 0.5), (0.5, 8.0), (0.5, 8.0), (30.0, 240.0))


@dataclass(frozen=True, slots=True)
class Shares:
    """What part of all deliveries is of each kind, 0 to 1; the rest is plain."""

    duplicate: float = 0.05
    reordered: float = 0.03
    contradictory: float = 0.005
    broken: float = 0.005

    def __post_init__(self) -> None:
        """Raise ValueError where the shares can't be."""
        for name in (field.name for field in fields(self)):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"the share {name} must be between 0 and 1")
        if self.true <= 0 or self.reordered > self.true / 2:
            raise ValueError("the shares leave too little that is true: at most half of it can be reordered")

    @property
    def true(self) -> float:
        """The part that the upstream had to say, each of it once; in order or not."""
        return 1 - self.duplicate - self.contradictory - self.broken


class Delivery(NamedTuple):
    """One webhook to be delivered at ``at`` seconds of virtual time; ``id`` is its webhook-id, which a repeat shares.

    ``note`` names the flaw of a broken body and the point of a contradiction; empty otherwise.
    """

    at: float
    webhook: Webhook
    body: bytes
    kind: Kind
    id: str
    note: str = ""


def deliveries(
    seed: int,
    shares: Shares,
    start: datetime,
    *,
    rate: float = 20.0,
    operations: int | None = None,
) -> Iterator[Delivery]:
    """All deliveries in the order of their time, without end (or until so many operations are told in full).

    ``start`` is the virtual clock's, in UTC; ``rate`` the deliveries a second of it. Raises ValueError.
    """
    if not 0 < rate < inf:
        raise ValueError("the rate must be a number greater than 0")
    return _stream(Random(seed), shares, start, rate, operations)  # noqa: S311 - reproducible, not secret


def _stream(
    rng: Random, shares: Shares, start: datetime, rate: float, operations: int | None
) -> Iterator[Delivery]:
    world, disorder = new_world(rng, start), _Disorder(rng, shares)
    waiting: list[tuple[float, int, Delivery]] = []
    at, told, count = 0.0, 0, 0
    while operations is None or told < operations:
        batch = disorder.of(tell(world, at))
        for delivery in batch:
            heappush(waiting, (delivery.at, count, delivery))
            count += 1
        told += 1
        at += len(batch) / rate * rng.uniform(0.5, 1.5)
        # Nothing that is told later can be due before its story begins.
        while waiting and waiting[0][0] <= at:
            yield heappop(waiting)[2]
    while waiting:
        yield heappop(waiting)[2]


class _Quota:
    """Turns a share into whole numbers: what a story was too short for is made up for by the next ones."""

    def __init__(self, rng: Random, ratio: float) -> None:
        self._ratio = ratio
        self._owed = rng.random()

    def take(self, size: int, most: int | None = None) -> int:
        """How many there are to be in a story with so many webhooks, at most ``most``."""
        self._owed += size * self._ratio
        count = int(self._owed) if most is None else min(int(self._owed), most)
        self._owed -= count
        return count


class _Disorder:
    """Brings a set share of disorder into one story after the other."""

    def __init__(self, rng: Random, shares: Shares) -> None:
        self._rng = rng
        self._late = _Quota(rng, shares.reordered / shares.true)
        self._repeats = _Quota(rng, shares.duplicate / shares.true)
        self._contradictions = _Quota(rng, shares.contradictory / shares.true)
        self._broken = _Quota(rng, shares.broken / shares.true)

    def of(self, story: Story) -> list[Delivery]:
        """Every webhook of the story once, some too late, and what comes on top."""
        rng, steps = self._rng, story.steps
        times = [step.at for step in steps]
        late = self._delay(steps, times)
        true = [
            Delivery(
                at, step.webhook, orjson.dumps(step.document), "late" if i in late else "plain", self._id()
            )
            for i, (step, at) in enumerate(zip(steps, times, strict=True))
        ]
        # A wrong statement comes after the right one of its entity, or it would be what stands.
        ends = [i for i, step in enumerate(steps) if step.terminal]
        wrong = [
            self._contradiction(steps[i], true[i])
            for i in rng.sample(ends, self._contradictions.take(len(steps), len(ends)))
        ]
        broken = [self._spoilt(steps, true) for _ in range(self._broken.take(len(steps)))]
        repeats = [self._repeat(rng.choice(true)) for _ in range(self._repeats.take(len(steps)))]
        return [*true, *wrong, *broken, *repeats]

    def _delay(self, steps: tuple[Step, ...], times: list[float]) -> set[int]:
        """Let some webhooks come after what followed them: the next of their entity, else the operation's end."""
        late = self._rng.sample(range(len(steps) - 1), self._late.take(len(steps), len(steps) - 1))
        for i in sorted(
            late, reverse=True
        ):  # the last first, as it may be what another one has to come after
            following = [j for j in range(i + 1, len(steps)) if steps[j].entity == steps[i].entity]
            overtaken_by = following[0] if following else len(steps) - 1
            times[i] = times[overtaken_by] + self._rng.uniform(0.05, 4.0)
        return set(late)

    def _contradiction(self, step: Step, first: Delivery) -> Delivery:
        point, document = contradict(self._rng, step.document)
        at = first.at + self._rng.uniform(0.1, 20.0)
        return Delivery(at, step.webhook, orjson.dumps(document), "contradiction", self._id(), point)

    def _spoilt(self, steps: tuple[Step, ...], true: list[Delivery]) -> Delivery:
        flaw, index, body = spoil(self._rng, [step.document for step in steps])
        at = true[index].at + self._rng.uniform(0.0, 2.0)
        return Delivery(at, true[index].webhook, body, "broken", self._id(), flaw)

    def _repeat(self, first: Delivery) -> Delivery:
        at = first.at + self._rng.uniform(*self._rng.choice(_REPEATS))
        body, name = first.body, first.id
        if self._rng.random() < _REWRITTEN:
            body, name = _rewritten(body), self._id()
        return Delivery(at, first.webhook, body, "duplicate", name)

    def _id(self) -> str:
        return f"msg_{uuid_text(self._rng)}"


def _rewritten(body: bytes) -> bytes:
    """JSON-equal, but other bytes."""
    return orjson.dumps(orjson.loads(body), option=orjson.OPT_SORT_KEYS).replace(b'","', b'", "')
