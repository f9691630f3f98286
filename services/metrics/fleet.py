"""Agents and strategies: the rows of those that changed, and the snapshots that came.

All of them may change at once, so a look takes as many as there is time for, some at a time. What waits is forgotten
only once it is written: a term that ends amid it costs nothing but those few.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from itertools import islice
from typing import Final

from redis.asyncio import Redis

from libs.contracts import monitoring
from libs.contracts.names import Names
from libs.contracts.statuses import STATUSES
from services.metrics import rows
from services.metrics.changes import Changes, Place
from services.metrics.commands import Command, append_of, members, store
from services.metrics.snapshot import Fleet
from services.metrics.sources import MODES, Sources

_AT_ONCE: Final = 200  # entities that are read, and written, together
_SNAPSHOTS: Final = 1_000  # of all agents that are read together
_STATUSES: Final = tuple(("status", status) for status in STATUSES["strategies"])

Write = Callable[[Sequence[Command]], Awaitable[object]]
Waiting = dict[Place, None]
"""Entities, first come first."""


class Rows:
    """Follows agents and strategies; ``seconds`` are for each look. Raises RedisError, OSError, what ``write`` does."""

    def __init__(
        self, redis: Redis, names: Names, partitions: int, history: int, seconds: float, write: Write
    ) -> None:
        self._sources = Sources(redis, names, partitions)
        self._names = names
        self._history = history
        self._seconds = seconds
        self._write = write
        modes = tuple(("mode", mode) for mode in MODES)
        self._agents = Changes(redis, names, "agents", partitions, modes)
        self._strategies = Changes(redis, names, "strategies", partitions, _STATUSES)
        self._changed_agents: Waiting = {}
        self._changed_strategies: Waiting = {}
        self._unread: Waiting = {}  # agents that may have snapshots to copy
        # Of each agent the number of the snapshot that was copied last, and its drawdown and used budget.
        self._copied: dict[Place, int] = {}
        self._worst: dict[str, tuple[float, float]] = {}

    async def look(self, applied: Mapping[str, Sequence[int]]) -> None:
        """Write those that changed, for so many seconds; ``applied`` is what partitions of services applied."""
        until = time.monotonic() + self._seconds
        if not self._changed_agents:
            self._changed_agents |= dict.fromkeys(await self._agents.look(applied.get("agents", ())))
        if not self._changed_strategies:
            self._changed_strategies |= dict.fromkeys(
                await self._strategies.look(applied.get("strategies", ()))
            )
        while self._changed_agents or self._changed_strategies or self._unread:
            await self._write_agents()
            await self._write_strategies()
            await self._copy_snapshots()
            if time.monotonic() >= until:
                break

    async def fleet(self) -> Fleet:
        """The agents together."""
        modes = await self._sources.modes()
        drawdown = max((one for one, _ in self._worst.values()), default=0.0)
        used = max((one for _, one in self._worst.values()), default=0.0)
        return Fleet(modes.total(), modes["LIVE"], drawdown, used)

    async def _write_agents(self) -> None:
        places = _first(self._changed_agents)
        commands = members(monitoring.AGENTS, (subject for _, subject in places))
        for (_, subject), projection in await self._read("agents", places, rows.AGENT_SOURCE):
            row = rows.agent(projection)
            self._worst[subject] = float(row["drawdown"]), float(row["daily_drawdown_used"])
            commands += store(monitoring.agent(subject), row)
        await self._write_out(commands)
        self._unread |= dict.fromkeys(places)
        _forget(self._changed_agents, places)

    async def _write_strategies(self) -> None:
        places = _first(self._changed_strategies)
        commands = members(monitoring.STRATEGIES, (subject for _, subject in places))
        for (_, subject), projection in await self._read("strategies", places, rows.STRATEGY_SOURCE):
            commands += store(monitoring.strategy(subject), rows.strategy(projection))
        await self._write_out(commands)
        _forget(self._changed_strategies, places)

    async def _copy_snapshots(self) -> None:
        places = _first(self._unread)
        if not places:
            return
        await self._learn_what_is_copied([place for place in places if place not in self._copied])
        most = _SNAPSHOTS // len(places)
        wanted = [
            (
                self._names.stream("agents", partition, subject, "equity"),
                f"{self._copied[partition, subject] + 1}-0",
            )
            for partition, subject in places
        ]
        found = await self._sources.several_from(wanted, most)
        commands: list[Command] = []
        copied: dict[Place, int] = {}
        for place, entries in zip(places, found, strict=True):
            for entry_id, message in entries:
                copied[place] = int(entry_id.partition("-")[0])
                if (entry := rows.equity(copied[place], message)) is not None:
                    commands.append(append_of(monitoring.equity(place[1]), *entry, self._history))
        await self._write_out(commands)
        self._copied |= copied
        _forget(self._unread, places)
        more = (place for place, entries in zip(places, found, strict=True) if len(entries) == most)
        self._unread |= dict.fromkeys(more)

    async def _learn_what_is_copied(self, places: Sequence[Place]) -> None:
        keys = [self._names.key(monitoring.equity(subject)) for _, subject in places]
        for place, latest in zip(places, await self._sources.latest_of(keys), strict=True):
            self._copied[place] = rows.sequence_of(latest[0][0]) if latest else 0

    async def _read(
        self, service: str, places: Sequence[Place], fields: Sequence[str]
    ) -> Iterable[tuple[Place, dict[str, str]]]:
        keys = [self._names.entity(service, *place) for place in places]
        return zip(places, await self._sources.projections(keys, fields), strict=True)

    async def _write_out(self, commands: Sequence[Command]) -> None:
        if commands:
            await self._write(commands)


def _first(waiting: Waiting) -> list[Place]:
    return list(islice(waiting, _AT_ONCE))


def _forget(waiting: Waiting, places: Iterable[Place]) -> None:
    for place in places:
        del waiting[place]
