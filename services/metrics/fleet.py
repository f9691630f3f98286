"""Agents and strategies: the rows of those that changed, and the snapshots that came."""

from __future__ import annotations

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

_PAGE: Final = 500  # snapshots of an agent at once
_AGENTS: Final = (
    100  # whose snapshots one look reads, lest it outlast the lease; the others' come with the next
)
_STATUSES: Final = tuple(("status", status) for status in STATUSES["strategies"])


class Rows:
    """Follows agents and strategies for one term of writing. Raises RedisError, OSError."""

    def __init__(self, redis: Redis, sources: Sources, names: Names, partitions: int, history: int) -> None:
        self._sources = sources
        self._names = names
        self._history = history
        modes = tuple(("mode", mode) for mode in MODES)
        self._agents = Changes(redis, names, "agents", partitions, modes, rows.AGENT_SOURCE)
        self._strategies = Changes(redis, names, "strategies", partitions, _STATUSES, rows.STRATEGY_SOURCE)
        # Of each agent the number of the snapshot that was copied last, and its drawdown and used budget.
        self._copied: dict[Place, int] = {}
        self._worst: dict[str, tuple[float, float]] = {}
        # Agents that may have snapshots to copy, first come first.
        self._unread: dict[Place, None] = {}

    async def look(self) -> list[Command]:
        """What to write of those that changed."""
        return [*await self._look_at_agents(), *await self._look_at_strategies()]

    async def fleet(self) -> Fleet:
        """The agents together."""
        modes = await self._sources.modes()
        drawdown = max((one for one, _ in self._worst.values()), default=0.0)
        used = max((one for _, one in self._worst.values()), default=0.0)
        return Fleet(modes.total(), modes["LIVE"], drawdown, used)

    async def _look_at_agents(self) -> list[Command]:
        changed = await self._agents.look()
        commands: list[Command] = members(monitoring.AGENTS, (subject for _, subject in changed))
        for (_, subject), projection in changed.items():
            row = rows.agent(projection)
            self._worst[subject] = float(row["drawdown"]), float(row["daily_drawdown_used"])
            commands += store(monitoring.agent(subject), row)
        self._unread |= dict.fromkeys(changed)
        for place in list(self._unread)[:_AGENTS]:
            commands += await self._snapshots(place)
        return commands

    async def _snapshots(self, place: Place) -> list[Command]:
        partition, subject = place
        target = monitoring.equity(subject)
        if place not in self._copied:
            latest = await self._sources.latest(self._names.key(target))
            self._copied[place] = rows.sequence_of(latest[0][0]) if latest else 0
        source = self._names.stream("agents", partition, subject, "equity")
        first = f"{self._copied[place] + 1}-0"
        entries = await self._sources.entries(source, first, "+", _PAGE)
        commands = []
        for entry_id, message in entries:
            sequence = int(entry_id.partition("-")[0])
            self._copied[place] = sequence
            if (entry := rows.equity(sequence, message)) is not None:
                commands.append(append_of(target, *entry, self._history))
        del self._unread[place]
        if len(entries) == _PAGE:
            self._unread[place] = None  # there are more
        return commands

    async def _look_at_strategies(self) -> list[Command]:
        changed = await self._strategies.look()
        commands = members(monitoring.STRATEGIES, (subject for _, subject in changed))
        for (_, subject), projection in changed.items():
            commands += store(monitoring.strategy(subject), rows.strategy(projection))
        return commands
