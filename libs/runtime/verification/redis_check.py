"""One partition's keys in Redis read and compared, each piece at the position that it was read with.

Redis moves on meanwhile, so nothing is read without its position, and the fold follows to where that is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Final, Generic, TypeVar

from redis.exceptions import ResponseError

from libs.contracts.names import DELETED, KNOWN, name_of
from libs.ledger.envelope import parse_log_record
from libs.runtime.reader import PartitionReader
from libs.runtime.verification.expectation import Expectation
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.follower import Follower, Progress
from libs.runtime.verification.projection import (
    differing_fields,
    history_difference,
    index_differences,
    number,
    strange_position_fields,
    stream_difference,
)
from libs.runtime.verification.snapshot import Position, Snapshot

S = TypeVar("S")
T = TypeVar("T")

_ENTITIES: Final = 200  # in one atomic read of Redis
_ENTRIES: Final = 4_000  # history entries or index members in one atomic read
_SUSPECTS: Final = 500


class WentBack(Exception):
    """Redis knew less than a moment before: emptied, restored or being rebuilt while it was read."""


class RedisCheck(Generic[S]):
    """Compares one partition's keys with what is expected. Raises WrongType, Unanswered, KafkaError, RedisError."""

    def __init__(
        self,
        partition: int,
        service: str,
        snapshot: Snapshot,
        expected: Expectation[S],
        follower: Follower[S],
        findings: Findings,
    ) -> None:
        self._partition = partition
        self._service = service
        self._snapshot = snapshot
        self._expected = expected
        self._follower = follower
        self._findings = findings
        self._strict = True
        self._reported_behind = False

    async def run(self, log: PartitionReader, progress: Progress, strict: bool) -> None:
        """Compare all keys. Raises WentBack where ``strict``, which is when Redis can't be behind; else reports it."""
        self._strict = strict
        await self._compare_counters(log)
        await self._compare_entities(progress)
        await self._compare_streams()
        await self._compare_tables()
        await self._compare_indexes()
        await self._compare_known()
        await self._compare_rest()

    async def _align(self, position: Position) -> None:
        """Fold up to where Redis was when something was read. Raises WentBack where the fold is further already."""
        at = position.reached
        if at > self._expected.position:
            await self._follower.advance(at)
        if at < self._expected.position and self._strict:
            raise WentBack
        if at != self._expected.position and not self._reported_behind:
            self._reported_behind = True
            self._add(
                Kind.REDIS_POSITION,
                "position",
                f"input_offset is {position.input_offset}, but the log ends with {self._expected.position}",
            )

    async def _compare_counters(self, log: PartitionReader) -> None:
        taken = await self._snapshot.counters()
        await self._align(taken.position)
        for found in self._whole(taken.answers, "counters"):
            wanted = {name.encode(): value.encode() for name, value in self._expected.counters.items()}
            for name, detail in differing_fields(wanted, found):
                self._add(Kind.REDIS_COUNTERS, name, detail)
        for name in strange_position_fields(taken.position.fields):
            self._add(Kind.REDIS_POSITION, "position", f"has a field that nobody writes: {name}")
        await self._compare_log_offset(log, taken.position)

    async def _compare_log_offset(self, log: PartitionReader, position: Position) -> None:
        at, log_offset = position.input_offset, position.log_offset
        if at is None or at != self._expected.position:
            return  # reported as it is
        if at < 0:
            if log_offset != -1:
                self._add(
                    Kind.REDIS_POSITION, "position", f"log_offset is {log_offset}, but nothing is logged"
                )
            return
        record = None if log_offset is None else await log.one(log_offset)
        try:
            accounts = parse_log_record(b"" if record is None else record.value or b"").offset
        except ValueError:
            accounts = None
        if accounts != at:
            self._add(
                Kind.REDIS_POSITION,
                "position",
                f"log_offset {log_offset} is not a record of input offset {at}",
            )

    async def _compare_entities(self, progress: Progress) -> None:
        subjects = list(self._expected.entities)
        progress.expect(len(subjects))
        sizes = [len(self._expected.history(subject)) for subject in subjects]
        for chunk in _chunks(subjects, sizes, _ENTITIES):
            taken = await self._snapshot.entities(chunk)
            await self._align(taken.position)
            kept = zip(chunk, taken.answers[::3], taken.answers[1::3], taken.answers[2::3], strict=True)
            for subject, found, entries, left in kept:
                gone = self._expected.gone(subject)
                if gone:  # what is left of the rest belongs to nothing
                    found, entries = left, []
                self._compare_entity(subject, found, entries)
            self._findings.checked["entities"] += len(chunk)
            progress.done(len(chunk))

    def _compare_entity(self, subject: str, found: Any, entries: Any) -> None:
        for fields in self._whole([found], subject):
            if not fields:
                self._add(Kind.REDIS_ENTITY, subject, "there is none in Redis")
                if not entries:
                    return
            else:
                for name, detail in differing_fields(self._expected.fields(subject), fields):
                    self._add(Kind.REDIS_FIELD, subject, f"{name} is {detail}")
        for history in self._whole([entries], f"{subject}:log"):
            difference = history_difference(self._expected.history(subject), history)
            if difference is not None:
                self._add(Kind.REDIS_HISTORY, subject, difference)

    async def _compare_streams(self) -> None:
        places = [(s, name) for s in self._expected.entities for name in self._expected.streams(s)]
        sizes = [len(self._expected.streams(subject)[name]) for subject, name in places]
        for chunk in _chunks(places, sizes, _ENTITIES):
            taken = await self._snapshot.streams(chunk)
            await self._align(taken.position)
            for (subject, name), answer in zip(chunk, taken.answers, strict=True):
                for found in self._whole([answer], f"{subject}:{name}"):
                    difference = stream_difference(self._expected.streams(subject)[name], found)
                    if difference is not None:
                        self._add(Kind.REDIS_STREAM, f"{subject}:{name}", difference)

    async def _compare_tables(self) -> None:
        places = [(s, name) for s in self._expected.entities for name in self._expected.tables(s)]
        sizes = [len(self._expected.tables(subject)[name]) for subject, name in places]
        for chunk in _chunks(places, sizes, _ENTITIES):
            taken = await self._snapshot.tables(chunk)
            await self._align(taken.position)
            for (subject, name), answer in zip(chunk, taken.answers, strict=True):
                for found in self._whole([answer], f"{subject}:{name}"):
                    wanted = self._expected.tables(subject).get(name, {})
                    for row, detail in differing_fields(wanted, found):
                        self._add(Kind.REDIS_FIELD, f"{subject}:{name}", f"{row} is {detail}")

    async def _compare_indexes(self) -> None:
        indexes = list(self._expected.indexes())
        sizes = [len(self._expected.indexes()[name]) for name in indexes]
        for chunk in _chunks(indexes, sizes, _ENTITIES):
            taken = await self._snapshot.indexes(chunk)
            await self._align(taken.position)
            now = self._expected.indexes()
            for name, answer in zip(chunk, taken.answers, strict=True):
                for found in self._whole([answer], f"by:{name}"):
                    for member, detail in index_differences(now.get(name, {}), _scored(found)):
                        self._add(Kind.REDIS_INDEX, f"by:{name}", f"{member} {detail}")
            self._findings.checked["indexes"] += len(chunk)

    async def _compare_known(self) -> None:
        taken = await self._snapshot.known_count()
        await self._align(taken.position)
        wanted, position = self._expected.known, taken.position.fields
        remembered = number(position.get(b"_known")) or 0
        for count in self._whole(taken.answers, KNOWN):
            if count != len(wanted) or (position and count != remembered):
                detail = f"has {count} ids, by position {remembered}, by the log {len(wanted)}"
                self._add(Kind.REDIS_KNOWN, KNOWN, detail)
        for chunk in _chunks(wanted, [1] * len(wanted), _ENTRIES):
            taken = await self._snapshot.known(chunk)
            await self._align(taken.position)
            for there in self._whole(taken.answers, KNOWN):
                for subject in (one for one, is_there in zip(chunk, there, strict=True) if not is_there):
                    self._add(Kind.REDIS_KNOWN, subject, "is not remembered")

    async def _compare_rest(self) -> None:
        suspects: set[bytes] = set()
        async for key in self._snapshot.keys():
            self._findings.checked["keys"] += 1
            if not self._belongs(key):
                suspects.add(key)
        for chunk in _chunks(sorted(suspects), [1] * len(suspects), _SUSPECTS):
            taken = await self._snapshot.existing(chunk)
            await self._align(taken.position)
            for key, exists in zip(chunk, taken.answers, strict=True):
                if exists and not self._belongs(key):
                    self._add(Kind.REDIS_EXTRA, key.decode(errors="replace"), "belongs to nothing in the log")

    def _belongs(self, key: bytes) -> bool:
        name = key.decode(errors="replace").removeprefix(self._snapshot.prefix)
        kind, _, rest = name.partition(":")
        if name == "position":
            return True
        if name == "counters":
            return self._expected.position >= 0
        if name == KNOWN:
            return bool(self._expected.known)
        if kind == "by":
            return rest in self._expected.indexes()
        if kind == DELETED:
            return rest in self._expected.entities and self._expected.gone(rest)
        if self._subject(name) is not None:
            return True
        whole, _, part = name.rpartition(":")
        subject = self._subject(whole)
        if subject is None:
            return False
        return (
            part == "log" or part in self._expected.streams(subject) or part in self._expected.tables(subject)
        )

    def _subject(self, name: str) -> str | None:
        """Whose hash a key without its prefix is, None where no entity that is there has it."""
        for subject in (name.partition(":")[2], name):
            if subject in self._expected.entities and name_of(self._service, subject) == name:
                return None if self._expected.gone(subject) else subject
        return None

    def _whole(self, answers: Sequence[Any], what: str) -> Iterator[Any]:
        """The answers that are no errors; an error means that a key holds something else than it should."""
        for answer in answers:
            if isinstance(answer, ResponseError):
                self._add(Kind.REDIS_FIELD, what, str(answer))
            else:
                yield answer

    def _add(self, kind: Kind, where: str, detail: str) -> None:
        self._findings.add(kind, self._partition, where, detail)


def _chunks(items: Sequence[T], sizes: Sequence[int], most: int) -> Iterator[list[T]]:
    """Pieces of at most ``most`` items, and of no more than so many entries unless one item alone has them."""
    chunk: list[T] = []
    entries = 0
    for item, size in zip(items, sizes, strict=True):
        if chunk and (len(chunk) >= most or entries + size > _ENTRIES):
            yield chunk
            chunk, entries = [], 0
        chunk.append(item)
        entries += size
    if chunk:
        yield chunk


def _scored(answer: Sequence[Any]) -> list[tuple[bytes, float]]:
    """Members with scores, whether the client paired them or not."""
    if answer and isinstance(answer[0], list | tuple):
        return [(member, float(score)) for member, score in answer]
    return [(member, float(score)) for member, score in zip(answer[::2], answer[1::2], strict=True)]
