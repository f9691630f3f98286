"""Time as data: what falls due in a partition is sent to its own input topic by the worker that owns it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final, Generic, TypeVar

import orjson

from libs.contracts.names import companion_of
from libs.ledger.aggregate import Aggregate, Watch
from libs.ledger.intake import DAMAGED
from libs.ledger.records import Outgoing, Routed
from libs.runtime.patience import Patience
from libs.runtime.ports import Store, Writer
from libs.runtime.recovery import DamagedProjection
from libs.views.ownership import Ownership

S = TypeVar("S")

PERIOD: Final = 5.0  # seconds between two looks
_AGAIN: Final = 60.0  # seconds after which what was sent and had no effect is sent again
_AT_ONCE: Final = 200  # entities


class Ticker(Generic[S]):
    """Looks at the watched entities of one partition. A tick that is sent twice is folded as late: it does no harm."""

    def __init__(
        self, aggregate: Aggregate[S], watch: Watch, store: Store, writer: Writer, patience: Patience
    ) -> None:
        self._topic = f"{aggregate.service}.in"
        self._service = aggregate.service
        self._shared = aggregate.companion is not None
        self._watch = watch
        self._store = store
        self._writer = writer
        self._patience = patience
        self._sent: dict[str, float] = {}

    async def run(self, own: Ownership) -> None:
        """Until cancelled. Raises NotOurs, Behind, Damaged, and what a stuck or broken producer raises."""
        while True:
            await asyncio.sleep(PERIOD)
            await self._look(own, round(time.time() * 1000))

    async def _look(self, own: Ownership, now: int) -> None:
        index = self._watch.index
        watched = await self._patience.redis("look what is due", lambda: self._store.members(index))
        self._sent = {subject: at for subject, at in self._sent.items() if now - at < _AGAIN * 1000}
        waiting = [subject for subject in watched if subject not in self._sent]
        while waiting:
            some = waiting[:_AT_ONCE]
            found = await self._patience.redis("load what is watched", lambda: self._store.load(own, some))  # noqa: B023
            waiting = waiting[len(found) :]
            there = {subject: fields for subject, fields in found.items() if fields}
            with _doubted():
                keys = {subject: self._watch.routing_key(subject, one) for subject, one in there.items()}
            shared = await self._companions(own, keys.values())
            due = []
            for subject, fields in there.items():
                key = keys[subject]
                with _doubted():
                    event = self._watch.due(subject, fields, shared.get(key, {}), now)
                if event is not None:
                    self._sent[subject] = now
                    due.append(Routed(self._topic, key, Outgoing(-1, key.encode(), orjson.dumps(event))))
            if due:
                await self._patience.kafka("send what is due", self._writer.route(due))

    async def _companions(self, own: Ownership, keys: Iterable[str]) -> dict[str, dict[str, str]]:
        """What the watched entities share, by routing key."""
        subjects = {companion_of(self._service, key): key for key in keys} if self._shared else {}
        shared: dict[str, dict[str, str]] = {}
        while rest := [subject for subject in subjects if subjects[subject] not in shared]:
            found = await self._patience.redis("load what is shared", lambda: self._store.load(own, rest))
            shared |= {subjects[subject]: fields for subject, fields in found.items()}
        return shared


@contextmanager
def _doubted() -> Iterator[None]:
    """Hashes that no fold wrote are no reason to end. Raises DamagedProjection."""
    try:
        yield
    except DAMAGED as why:
        raise DamagedProjection(f"what is watched can't be read: {why!r}") from why
