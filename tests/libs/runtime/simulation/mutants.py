"""The machine with one of its safeguards taken out; each mutant must be caught by the checks that the machine passes.

They sit at the ports where that is possible, so that they outlive a rearrangement of the machine.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from libs.ledger import partition as ledger_partition
from libs.ledger.aggregate import Aggregate, Derived
from libs.ledger.fact import Fact
from libs.ledger.records import Folded, Outgoing
from libs.ledger.verdict import Verdict
from libs.runtime import partition, recovery
from libs.runtime.entities import EntityCache
from libs.runtime.inbox import Inbox
from libs.runtime.partition import Partition
from libs.views.memory import MemoryStore
from libs.views.ownership import NotOurs, Ownership
from tests.libs.runtime.simulation.world import Consumer, FlakyStore, FlakyWriter, MemoryLedger, Process

Mutate = Callable[[pytest.MonkeyPatch], None]


def redis_before_log(patch: pytest.MonkeyPatch) -> None:
    """Redis is written first, and the log only then."""
    _log_at_apply(patch, log_first=False)


def events_before_log(patch: pytest.MonkeyPatch) -> None:
    """What is derived is published first, and the log only then."""
    _log_at_apply(patch, log_first=True)


def _log_at_apply(patch: pytest.MonkeyPatch, log_first: bool) -> None:
    append, apply = FlakyWriter.append, FlakyStore.apply
    waiting: dict[Process, Callable[[], Any]] = {}

    async def later(self: FlakyWriter, stream: str, partition: int, records: list[Outgoing]) -> int:
        if stream != "log":
            return await append(self, stream, partition, records)
        held = list(records)  # the machine lets go of what it takes to be out
        waiting[self.process] = lambda: append(self, stream, partition, held)
        return self.process.world.topic(f"{self.process.place[0]}.log", partition).end + len(records) - 1

    async def together(self: FlakyStore, own: Ownership, folded: Folded, log_offset: int) -> None:
        write_log = waiting.pop(self.process, None)
        if write_log is not None and log_first:
            await write_log()
        await apply(self, own, folded, log_offset)
        if write_log is not None and not log_first:
            await write_log()

    patch.setattr(FlakyWriter, "append", later)
    patch.setattr(FlakyStore, "apply", together)


def no_deduplication(patch: pytest.MonkeyPatch) -> None:
    """Nothing is recognized as seen before."""
    patch.setattr(ledger_partition, "holds", lambda *_: False)


def blind_to_what_is_behind(patch: pytest.MonkeyPatch) -> None:
    """Redis writes and reads for its owner without a look at how far it is written."""
    apply = MemoryStore.apply

    def ours_alone(self: MemoryStore, own: Ownership, least: int) -> None:
        position = self.keys.position
        if (position.get("owner"), position.get("epoch")) != (own.owner, own.epoch):
            raise NotOurs

    async def anywhere(self: MemoryStore, own: Ownership, folded: Folded, log_offset: int) -> None:
        ours_alone(self, own, -1)
        self.keys.position["input_offset"] = str(folded.previous)
        await apply(self, own, folded, log_offset)

    patch.setattr(MemoryStore, "_check", ours_alone)
    patch.setattr(MemoryStore, "apply", anywhere)


def loads_of_another_owner(patch: pytest.MonkeyPatch) -> None:
    """An entity is loaded, and its batch logged, although another worker may have folded it further by now."""

    async def load(self: MemoryStore, own: Ownership, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
        found = self.keys.entities
        return {subject: dict(found[subject]) for subject in subjects if subject in found}

    async def never(self: Partition[Any], own: Ownership) -> None:
        return None

    patch.setattr(MemoryStore, "load", load)
    patch.setattr(Partition, "_make_sure", never)


def trusts_the_committed_offset(patch: pytest.MonkeyPatch) -> None:
    """The input is read on from where the group's commit says, not from where the log ends."""
    reopen = Inbox.reopen

    def committed(self: Inbox, offset: int) -> None:
        source = self._source
        assert isinstance(source, Consumer)
        reopen(self, source.committed())

    patch.setattr(Inbox, "reopen", committed)


def does_not_follow_the_chain(patch: pytest.MonkeyPatch) -> None:
    """Recovery folds every log record that it meets, doubles and strays as well."""
    patch.setattr(recovery, "continues", lambda *_: True)


def emits_nothing_again(patch: pytest.MonkeyPatch) -> None:
    """Recovery leaves the derived topics as the crash left them."""

    async def nothing(*_: Any) -> None: ...

    patch.setattr(recovery.Recovery, "_emit", nothing)


def rebuilds_what_was_never_published(patch: pytest.MonkeyPatch) -> None:
    """A rebuild brings Redis past what a stopped worker has yet to publish; nobody looks there again."""
    patch.setattr(recovery, "_check_published", lambda *_: None)


def with_a_clock(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """The same service with an impure fold: its events say when they were made."""

    def derive(before: Any, after: Any, fact: Fact, verdict: Verdict) -> Sequence[Derived]:
        now = asyncio.get_running_loop().time()
        return [
            Derived(name, {**data, "at": now})
            for name, data in aggregate.derive(before, after, fact, verdict)
        ]

    return replace(aggregate, derive=derive)


def with_a_memory_of_its_own(aggregate: Aggregate[Any]) -> Aggregate[Any]:
    """The same service with a fold that knows what its process did: the first fact it ever sees is late."""
    seen: set[int] = set()

    def fold(state: Any, fact: Fact) -> Verdict:
        process = id(asyncio.current_task())
        verdict = aggregate.fold(state, fact)
        if process in seen or verdict is not Verdict.APPLIED:
            return verdict
        seen.add(process)
        return Verdict.LATE

    return replace(aggregate, fold=fold)


def leaves_states_that_others_wrote(patch: pytest.MonkeyPatch) -> None:
    """What a process that slept appends to ``.state`` behind its successor's is let stand."""

    async def as_it_is(*arguments: Any) -> int:
        ledger = next(one for one in arguments if isinstance(one, MemoryLedger))
        return (await ledger.state_bounds())[1]

    patch.setattr(partition, "mend", as_it_is)


def forgets_what_is_being_written(patch: pytest.MonkeyPatch) -> None:
    """Entities of a batch that Redis does not have yet are let go of, and asked of Redis again."""
    trim = EntityCache.trim

    def now(self: EntityCache[Any]) -> None:
        trim(self)
        self._used_before.clear()

    patch.setattr(EntityCache, "trim", now)


MUTANTS: tuple[Mutate, ...] = (
    leaves_states_that_others_wrote,
    redis_before_log,
    events_before_log,
    no_deduplication,
    blind_to_what_is_behind,
    loads_of_another_owner,
    trusts_the_committed_offset,
    does_not_follow_the_chain,
    emits_nothing_again,
    rebuilds_what_was_never_published,
)
IMPURE = (with_a_clock, with_a_memory_of_its_own)
