"""The store's twin in memory: the same answers and the same contents as the scripts give, for tests without a Redis.

Every method does its work without awaiting, as a script does: nothing else happens in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from libs.ledger.records import EntityWrite, Folded
from libs.views.ownership import Behind, BeingRebuilt, Damaged, NotOurs, Ownership
from libs.views.store import LOADED_AT_ONCE

_OUTLIVES_CLEARING: Final = ("owner", "epoch", "_rebuild_until", "_state_end")
_NOTHING_YET: Final = "-1"


@dataclass(slots=True)
class Keyspace:
    """What Redis holds of one partition: the hashes, lists and sorted sets behind its keys, without their prefix."""

    position: dict[str, str] = field(default_factory=dict)
    counters: dict[str, str] = field(default_factory=dict)
    entities: dict[str, dict[str, str]] = field(default_factory=dict)
    histories: dict[str, list[bytes]] = field(default_factory=dict)
    indexes: dict[str, dict[str, int]] = field(default_factory=dict)
    streams: dict[tuple[str, str], list[tuple[str, dict[str, str]]]] = field(default_factory=dict)
    tables: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    deleted: dict[str, dict[str, str]] = field(default_factory=dict)
    known: set[str] = field(default_factory=set)

    def copy(self) -> Keyspace:
        """The contents at this moment, as a snapshot holds them."""
        return Keyspace(
            dict(self.position),
            dict(self.counters),
            {subject: dict(fields) for subject, fields in self.entities.items()},
            {subject: list(records) for subject, records in self.histories.items()},
            {index: dict(members) for index, members in self.indexes.items()},
            {place: list(entries) for place, entries in self.streams.items()},
            {place: dict(rows) for place, rows in self.tables.items()},
            {subject: dict(fields) for subject, fields in self.deleted.items()},
            set(self.known),
        )

    def become(self, other: Keyspace) -> None:
        """Go back to a snapshot; an empty one forgets everything."""
        then = other.copy()
        self.position, self.counters, self.entities = then.position, then.counters, then.entities
        self.histories, self.indexes, self.streams = then.histories, then.indexes, then.streams
        self.tables, self.deleted, self.known = then.tables, then.deleted, then.known


class MemoryStore:
    """One partition's store, as ``libs.views.store.PartitionStore``; ``clock`` gives ms and is the server's.

    ``loaded_at_once`` is after how many bytes ``load`` reads no further.
    """

    def __init__(
        self,
        keyspace: Keyspace,
        history: int,
        clock: Callable[[], int],
        loaded_at_once: int = LOADED_AT_ONCE,
    ) -> None:
        self.keys = keyspace
        self._history = history
        self._clock = clock
        self._loaded_at_once = loaded_at_once

    async def take(self, owner: str, lease_ms: int = 0) -> Ownership:
        """Become the owner with a higher epoch; a rebuild takes a lease that keeps workers out. Raises BeingRebuilt."""
        position = self.keys.position
        until, holder = position.get("_rebuild_until"), position.get("owner")
        if until is not None and int(until) > self._clock() and holder != owner:
            raise BeingRebuilt(holder)
        position["epoch"] = self._next_epoch()
        position.setdefault("input_offset", _NOTHING_YET)
        position.setdefault("log_offset", _NOTHING_YET)
        position.update(owner=owner, ready="0")
        if lease_ms:
            position["_rebuild_until"] = str(self._clock() + lease_ms)
        else:
            position.pop("_rebuild_until", None)
        counters = {name: int(value) for name, value in self.keys.counters.items()}
        input_offset, log_offset = int(position["input_offset"]), int(position["log_offset"])
        state_end = int(position.get("_state_end", _NOTHING_YET))
        remembers = "_known" in position
        return Ownership(owner, position["epoch"], input_offset, log_offset, counters, state_end, remembers)

    async def reached(self) -> tuple[int, int]:
        """The input and log offset up to which the partition is written, whoever owns it; -1 for none."""
        position = self.keys.position
        return int(position.get("input_offset", -1)), int(position.get("log_offset", -1))

    async def load(self, own: Ownership, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
        """The hashes of the first subjects, as they are or were when they were deleted; empty where there is none.

        Raises NotOurs, Behind, Damaged.
        """
        self._check(own, own.input_offset)
        keys, found, weight = self.keys, dict[str, dict[str, str]](), 0
        if len(keys.known) != int(keys.position.get("_known", "0")):
            raise Damaged("some of the known ids were removed")
        for subject in subjects:
            there = keys.entities.get(subject, {})
            fields = there or keys.deleted.get(subject, {})
            if bool(fields) != (subject in keys.known):
                raise Damaged(f"{subject} was removed, or is not known")
            if there.get("sequence", "0") != "0" and subject not in keys.histories:
                raise Damaged(f"the history of {subject} was removed")
            found[subject] = dict(fields)
            weight += sum(len(name.encode()) + len(value.encode()) for name, value in fields.items())
            if weight > self._loaded_at_once:
                break
        return found

    async def members(self, index: tuple[str, str]) -> list[str]:
        """The entities in a sorted set, those changed first at the front."""
        found = self.keys.indexes.get(f"{index[0]}:{index[1]}", {})
        return sorted(found, key=lambda subject: (found[subject], subject))

    async def apply(self, own: Ownership, folded: Folded, log_offset: int) -> None:
        """Write a batch and move the position to it. Updates ``own``. Raises NotOurs, Behind."""
        self._check(own, folded.previous)
        there = int(self.keys.position["input_offset"])
        if there != folded.last:  # else it was written before, and the answer was lost
            if there != folded.previous:
                raise NotOurs
            for write in folded.writes:
                self._write(write)
            if new := {write.subject for write in folded.writes if write.new}:
                known = int(self.keys.position.get("_known", "0")) + len(new - self.keys.known)
                self.keys.known |= new
                self.keys.position["_known"] = str(known)
            self.keys.counters.update((name, str(value)) for name, value in folded.counters.items())
            self.keys.position.update(input_offset=str(folded.last), log_offset=str(log_offset))
        own.input_offset, own.log_offset = folded.last, log_offset

    async def say(self, own: Ownership, fields: Mapping[str, str]) -> None:
        """Set fields of the position, and look whether it is still ours and nothing was forgotten."""
        self._check(own, own.input_offset)
        self.keys.position.update(fields)

    async def holds_anything(self) -> bool:
        """Whether this partition left counters behind, as every write does."""
        return bool(self.keys.counters)

    async def clear(self, own: Ownership) -> None:
        """Remove everything of this partition but who owns it, so that it can be written anew. Raises NotOurs.

        Updates ``own``.
        """
        own.input_offset = own.log_offset = -1
        own.counters.clear()
        position = self.keys.position
        if (position.get("owner"), position.get("epoch")) != (own.owner, own.epoch):
            raise NotOurs
        own.epoch = self._next_epoch()
        position["epoch"] = own.epoch
        kept: dict[str, str] = {name: position[name] for name in _OUTLIVES_CLEARING if name in position}
        offsets = {"input_offset": _NOTHING_YET, "log_offset": _NOTHING_YET}
        self.keys.become(Keyspace(position={**kept, **offsets, "ready": "0"}))

    async def hold(self, own: Ownership, lease_ms: int) -> None:
        """Keep workers out for so long from now on, by the server's clock; 0 lets them in at once."""
        await self.say(own, {"_rebuild_until": str(self._clock() + lease_ms if lease_ms else 0)})

    def _next_epoch(self) -> str:
        return str(max(int(self.keys.position.get("epoch", "0")) + 1, 1_000 * self._clock()))

    def _check(self, own: Ownership, least: int) -> None:
        position = self.keys.position
        if "input_offset" not in position or int(position["input_offset"]) < least:
            raise Behind
        if (position.get("owner"), position.get("epoch")) != (own.owner, own.epoch):
            raise NotOurs

    def _write(self, write: EntityWrite) -> None:
        keys, subject = self.keys, write.subject
        if write.gone:
            self._delete(write)
        fields = (keys.deleted if write.gone else keys.entities).setdefault(subject, {})
        fields.update(write.fields)
        for name, rows, went in write.tables:
            table = keys.tables.setdefault((subject, name), {})
            table.update(rows)
            for row in went:
                table.pop(row, None)
            if not table:
                del keys.tables[subject, name]  # nor an empty hash
        for name in write.removed:
            fields.pop(name, None)
        if write.history:
            log = keys.histories.setdefault(subject, [])
            log += write.history
            del log[: -self._history]
        for name, sequence, entry in write.entries:
            stream = keys.streams.setdefault((subject, name), [])
            stream.append((f"{sequence}-0", entry))
            del stream[: -self._history]
        for name, value in write.leaves:
            index = keys.indexes.get(f"{name}:{value}", {})
            index.pop(subject, None)
            if not index:
                keys.indexes.pop(f"{name}:{value}", None)  # Redis keeps no empty sorted set
        for name, value in write.joins:
            assert write.score is not None
            keys.indexes.setdefault(f"{name}:{value}", {})[subject] = write.score

    def _delete(self, write: EntityWrite) -> None:
        keys, subject = self.keys, write.subject
        keys.entities.pop(subject, None)
        for part in write.gone:
            if part == "log":
                keys.histories.pop(subject, None)
            keys.tables.pop((subject, part), None)
