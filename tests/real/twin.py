"""Redis in memory: what the writes of a partition's fold amount to, key for key."""

from __future__ import annotations

from typing import Any

from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.ledger.records import Folded

# hash: field -> value; list: its items; set: its members; sorted set: member -> score
Keys = dict[str, Any]


class Twin:
    """Takes the writes of one partition in order."""

    def __init__(self, names: Names, service: str, partition: int) -> None:
        self._names, self._service, self._partition = names, service, partition
        self.keys: Keys = {}

    def apply(self, folded: Folded) -> None:
        """What the atomic script does with a batch."""
        names, place = self._names, (self._service, self._partition)
        for write in folded.writes:
            fields = self.keys.setdefault(names.entity(*place, write.subject), {})
            fields.update({name: value.encode() for name, value in write.fields.items()})
            for name in write.removed:
                fields.pop(name, None)
            if write.history:
                self.keys.setdefault(names.history(*place, write.subject), []).extend(write.history)
            for name, sequence, entry in write.entries:
                stream = self.keys.setdefault(names.stream(*place, write.subject, name), [])
                stream.append((f"{sequence}-0".encode(), {n.encode(): v.encode() for n, v in entry.items()}))
            for field, value in write.leaves:
                index = names.index(*place, field, value)
                self.keys.get(index, {}).pop(write.subject, None)
                if not self.keys.get(index, True):
                    del self.keys[index]
            for field, value in write.joins:
                index = self.keys.setdefault(names.index(*place, field, value), {})
                index[write.subject] = float(write.score or 0)
        if folded.writes:
            known = self.keys.setdefault(names.known(*place), set())
            known |= {write.subject.encode() for write in folded.writes}
        counters = {name: str(value).encode() for name, value in folded.counters.items()}
        self.keys[names.counters(*place)] = counters


async def stored(redis: Redis, prefix: str) -> Keys:
    """Every key that begins with ``prefix``, with all that it holds."""
    found = [key async for key in redis.scan_iter(match=f"{_escaped(prefix)}*", count=1000)]
    types = await _pipe(redis, [("TYPE", key) for key in found])
    reads = {b"hash": ("HGETALL",), b"list": ("LRANGE", 0, -1), b"zset": ("ZRANGE", 0, -1, "WITHSCORES")}
    reads |= {b"stream": ("XRANGE", "-", "+"), b"set": ("SMEMBERS",)}
    asked = []
    for key, kind in zip(found, types, strict=True):
        kind = kind if isinstance(kind, bytes) else str(kind).encode()
        command, *rest = reads[kind]
        asked.append((command, key, *rest))
    answers = await _pipe(redis, asked)
    keys: Keys = {}
    for (command, key, *_), answer in zip(asked, answers, strict=True):
        keys[key.decode()] = _plain(str(command), answer)
    return keys


def _plain(command: str, answer: Any) -> Any:
    if command == "HGETALL":
        pairs = answer.items() if isinstance(answer, dict) else zip(answer[::2], answer[1::2], strict=True)
        return {name.decode(): value for name, value in pairs}
    if command == "ZRANGE":
        return {member.decode(): float(score) for member, score in answer}
    return answer


async def _pipe(redis: Redis, commands: list[tuple[Any, ...]]) -> list[Any]:
    answers: list[Any] = []
    for at in range(0, len(commands), 500):
        pipe = redis.pipeline(transaction=False)
        for command in commands[at : at + 500]:
            pipe.execute_command(*command)
        answers += await pipe.execute()
    return answers


def _escaped(prefix: str) -> str:
    return "".join(f"\\{c}" if c in "*?[]\\" else c for c in prefix)
