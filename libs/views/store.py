"""One partition's keys in Redis. Every write and every load is one script that first checks who owns the partition."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from itertools import chain
from typing import Any, Final

import msgpack
from redis.asyncio import Redis
from redis.commands.core import AsyncScript
from redis.exceptions import ResponseError

from libs.contracts.names import DELETABLE, DELETED, Names, name_of
from libs.ledger.records import EntityWrite, Folded
from libs.views.ownership import Behind, BeingRebuilt, Damaged, NotOurs, Ownership, PositionDamaged

_UNLINK_AT_ONCE: Final = 1_000
LOADED_AT_ONCE: Final = (
    2 * 1024 * 1024
)  # bytes of fields; a batch keeps several times as much while it is written


def _script(redis: Redis, name: str) -> AsyncScript:
    return redis.register_script(files("libs.views").joinpath(f"{name}.lua").read_text())


class PartitionStore:
    """What a worker, a rebuild or a verification does with one partition.

    Raises NotOurs, Behind, RedisError; Damaged or PositionDamaged where a key is of another type than it should be.
    """

    def __init__(self, redis: Redis, names: Names, service: str, partition: int, history: int) -> None:
        self._redis = redis
        self._history = str(history)
        self._prefix = names.partition_prefix(service, partition)
        self._position = names.position(service, partition)
        self._counters = names.counters(service, partition)
        self._known = names.known(service, partition)
        self._service = service
        self._take = _script(redis, "take")
        self._load = _script(redis, "load")
        self._apply = _script(redis, "apply")
        self._own = _script(redis, "own")
        self._clear = _script(redis, "clear")
        self._wipe = _script(redis, "wipe")

    async def take(self, owner: str, lease_ms: int = 0) -> Ownership:
        """Become the owner with a higher epoch; a rebuild takes a lease that keeps workers out. Raises BeingRebuilt."""
        answer = await self._call(self._take, [self._position, self._counters], [owner, lease_ms])
        if answer[0] == b"REBUILDING":
            raise BeingRebuilt(answer[1].decode())
        flat = answer[4]
        try:
            counters = {name.decode(): int(value) for name, value in zip(flat[::2], flat[1::2], strict=True)}
        except ValueError:
            counters = {}  # as where they are gone: whoever takes the partition makes it anew
        epoch, remembers = answer[1].decode(), answer[6] != b""
        return Ownership(owner, epoch, int(answer[2]), int(answer[3]), counters, int(answer[5]), remembers)

    async def reached(self) -> tuple[int, int]:
        """The input and log offset up to which the partition is written, whoever owns it; -1 for none."""
        told: Any = await self._redis.hmget(self._position, "input_offset", "log_offset")
        try:
            return int(told[0] or -1), int(told[1] or -1)
        except ValueError:
            return -1, -1

    async def load(self, own: Ownership, subjects: Sequence[str]) -> dict[str, dict[str, str]]:
        """The hashes of the first subjects, as they are or were when they were deleted; empty where there is none.

        As many as don't weigh too much together, but at least one: whoever wants more asks again. What must be written
        at least is ``own.input_offset``. Raises Damaged where one was removed behind our back.
        """
        keys = [self._position, *map(self._key, subjects)]
        if self._service in DELETABLE:
            keys += [f"{self._prefix}{DELETED}:{subject}" for subject in subjects]
        args = [own.owner, own.epoch, own.input_offset, self._known, LOADED_AT_ONCE, *subjects]
        answer = await self._call(self._load, keys, args)
        _check(answer[0])
        if answer[0] == b"LOST":
            raise Damaged(f"the Redis key {answer[1].decode()} was removed, evicted or cut short")
        return {
            subject: {k.decode(): v.decode() for k, v in zip(flat[::2], flat[1::2], strict=True)}
            for subject, flat in zip(subjects, answer[1:], strict=False)
        }

    async def members(self, index: tuple[str, str]) -> list[str]:
        """The entities in a sorted set, those changed first at the front."""
        found: Any = await self._redis.zrange(f"{self._prefix}by:{index[0]}:{index[1]}", 0, -1)
        return [subject.decode() for subject in found]

    def _key(self, subject: str) -> str:
        return self._prefix + name_of(self._service, subject)

    async def apply(self, own: Ownership, folded: Folded, log_offset: int) -> None:
        """Write a batch and move the position to it. Updates ``own``."""
        counters = {name: str(count) for name, count in folded.counters.items()}
        payload = msgpack.packb(
            [_flat(counters), [_packed(self._service, write) for write in folded.writes]],
            use_bin_type=False,  # what Lua reads knows no binary type
        )
        args: list[str | int | bytes] = [own.owner, own.epoch, folded.previous, folded.last, log_offset]
        args += [self._history, self._prefix, self._prefix + "by:", self._known, payload]
        _check(await self._call(self._apply, [self._position, self._counters], args))
        own.input_offset, own.log_offset = folded.last, log_offset

    async def say(self, own: Ownership, fields: Mapping[str, str]) -> None:
        """Set fields of the position, and look whether it is still ours and nothing was forgotten."""
        args: list[str | int] = [own.owner, own.epoch, own.input_offset, *_flat(fields)]
        _check(await self._call(self._own, [self._position], args))

    async def holds_anything(self) -> bool:
        """Whether this partition left counters behind, as every write does."""
        return bool(await self._redis.exists(self._counters))

    async def clear(self, own: Ownership) -> None:
        """Remove everything of this partition but who owns it, so that it can be written anew. Updates ``own``.

        The counters go last: what is interrupted is seen by ``holds_anything`` and done again.
        """
        own.input_offset = own.log_offset = -1
        own.counters.clear()
        answer = await self._call(self._clear, [self._position, self._counters], [own.owner, own.epoch])
        _check(answer[0])
        own.epoch = answer[1].decode()
        doomed: list[bytes | str] = []
        kept = {self._position.encode(), self._counters.encode()}
        async for key in self._redis.scan_iter(match=self._prefix + "*", count=_UNLINK_AT_ONCE):
            if key not in kept:
                doomed.append(key)
            if len(doomed) >= _UNLINK_AT_ONCE:
                await self._remove(own, doomed)
                doomed.clear()
        await self._remove(own, [*doomed, self._counters])

    async def hold(self, own: Ownership, lease_ms: int) -> None:
        """Keep workers out for so long from now on, by the server's clock; 0 lets them in at once."""
        seconds, micros = await self._redis.time()
        until = seconds * 1000 + micros // 1000 + lease_ms if lease_ms else 0
        await self.say(own, {"_rebuild_until": str(until)})

    async def _remove(self, own: Ownership, doomed: Sequence[bytes | str]) -> None:
        _check(await self._call(self._wipe, [self._position, *doomed], [own.owner, own.epoch]))

    async def _call(self, script: AsyncScript, keys: Sequence[bytes | str], args: Sequence[Any]) -> Any:
        """Run a script. A key of another type is no absence of Redis, which would be waited for."""
        try:
            return await script(keys=keys, args=args)
        except ResponseError as why:
            if "WRONGTYPE" not in str(why):
                raise
            answer = await self._redis.type(self._position)
            kind = answer if isinstance(answer, str) else answer.decode()
            if kind not in ("hash", "none"):
                raise PositionDamaged(
                    f"the Redis key {self._position} holds a {kind} instead of a hash: remove it (DEL),"
                    " and the partition is made anew from the log"
                ) from why
            raise Damaged(f"under {self._prefix}… a Redis key is of another type than it should be") from why


def _check(answer: bytes) -> None:
    if answer == b"BEHIND":
        raise Behind
    if answer == b"FENCED":
        raise NotOurs


def _flat(pairs: Mapping[str, str]) -> list[str]:
    return list(chain.from_iterable(pairs.items()))


def _packed(service: str, write: EntityWrite) -> list[Any]:
    return [
        write.subject,
        name_of(service, write.subject),
        _flat(write.fields),
        write.removed,
        write.history,
        [f"{name}:{value}" for name, value in write.joins],
        [f"{name}:{value}" for name, value in write.leaves],
        str(write.score),
        [[name, f"{sequence}-0", _flat(fields)] for name, sequence, fields in write.entries],
        [[name, _flat(rows), went] for name, rows, went in write.tables],
        write.gone,
        write.new,
    ]
