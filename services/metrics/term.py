"""A term of writing, from the moment that the lease is ours until it is lost: look, and write what was found.

All that has to outlive a term is in what was written, so whoever comes next goes on from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from redis.asyncio import Redis

from libs.contracts import monitoring
from libs.contracts.names import Names
from libs.contracts.statuses import STATUSES
from libs.runtime.kafka_access import KafkaAccess
from libs.settings import Settings
from libs.views.figures import Figures, Rate
from services.metrics import settlement
from services.metrics.broker import Broker, reached
from services.metrics.commands import Command, append, members, replace, samples, store
from services.metrics.feed import Feed
from services.metrics.fleet import Rows
from services.metrics.lease import Lease
from services.metrics.minute import condensed
from services.metrics.numbers import from_e18
from services.metrics.snapshot import Entry, Look, business, kinds, pipeline, settled, statuses, sums
from services.metrics.sources import Sources

_FOR_KAFKA: Final = 0.4  # seconds that a look waits for Kafka's answer
_FOR_KAFKA_AT_FIRST: Final = 0.8  # that the first one waits, lest it say that nothing lags
_RATE_FROM: Final = 6  # entries that the first rate is taken from
_MINUTES_BEHIND: Final = 10  # finished minutes that are made up for
_SETTLEMENT_KEPT_MS: Final = 2 * settlement.WINDOW_MS


class Term:
    """Looks and writes; `begin` comes first. Raises Lost, RedisError, OSError."""

    def __init__(self, settings: Settings, redis: Redis, lease: Lease, rows: Rows) -> None:
        self._settings = settings
        self._names = Names(settings.namespace)
        self._services = settings.services
        self._lease = lease
        self._sources = Sources(redis, self._names, settings.partitions)
        self._rows = rows
        self._rates = {service: Rate() for service in self._services}
        self._minute = 0  # the last one that was written
        self._window_of = -1
        self._settled_before = settlement.EMPTY
        self._time_series = False
        self._for_kafka = _FOR_KAFKA_AT_FIRST

    async def begin(self) -> None:
        """Take up what the one before left."""
        key = self._names.key
        fed_up_to = reached(await self._sources.table(key(monitoring.FEED_NEXT)))
        known = await self._sources.entries(key(monitoring.FEED), "-", "+")
        self._feed = Feed((entry_id, fields.get("service", "")) for entry_id, fields in known)
        self._time_series = await self._sources.has_time_series()
        for service in self._services:
            known = await self._sources.latest(key(monitoring.seconds(service)), _RATE_FROM)
            for entry_id, fields in reversed(known):
                self._rates[service].add(_ms(entry_id) / 1_000, int(fields["in_total"]))
        last = await self._sources.latest(key(monitoring.minutes(monitoring.BUSINESS)))
        self._minute = _ms(last[0][0]) if last else 0
        kafka, partitions = KafkaAccess.of(self._settings), self._settings.partitions
        self._broker = Broker(kafka, self._names, self._services, partitions, fed_up_to)

    async def end(self) -> None:
        """Let go of Kafka."""
        await self._broker.close()

    async def look(self) -> tuple[int, list[str]]:
        """Look once and write it.

        The time (ms, by Redis' clock) of the entries, which is the whole second that it is, and what Redis refused.
        """
        views = await self._sources.views(self._services)
        folded = {service: [one.position.input_offset for one in views[service]] for service in views}
        applied = {
            service: [one.counters.get("applied_total", 0) for one in views[service]] for service in views
        }
        await self._broker.look(self._for_kafka, folded)
        self._for_kafka = _FOR_KAFKA
        await self._lease.renew()
        await self._rows.look(applied)
        now_ms = await self._sources.now_ms()
        counted = await self._sources.statuses(self._services)
        looks = {
            service: Look(
                views[service],
                self._broker.bounds(service),
                self._broker.unfolded(service),
                counted.get(service, {}),
            )
            for service in self._services
        }
        of = {service: self._sums(service, one, now_ms) for service, one in looks.items()}
        entries = {service: pipeline(of[service], one, now_ms) for service, one in looks.items()}
        entries[monitoring.BUSINESS] = business(
            of,
            looks,
            await self._rows.fleet(),
            self._broker.letters(),
            await self._settled_before_window(now_ms),
            now_ms,
        )
        at = now_ms - now_ms % monitoring.SECOND_MS
        finished = await self._finished_minutes(at, settlement.entry(settled(of.get("operations"))))
        refused = await self._lease.write(
            [
                *members(monitoring.SERVICES, self._services),
                *self._of_this_second(entries, at),
                *finished,
                *_tables(of, looks),
                *self._fed(now_ms),
            ]
        )
        return at, refused

    def _sums(self, service: str, look: Look, now_ms: int) -> Figures:
        total = sum(view.counters.get("in_total", 0) for view in look.views)
        return sums(service, look, self._rates[service].add(now_ms / 1_000, total))

    def _of_this_second(self, entries: Mapping[str, Entry], at: int) -> list[Command]:
        commands: list[Command] = []
        for name, entry in entries.items():
            commands += store(monitoring.now(name), entry)
            commands.append(append(monitoring.seconds(name), at, entry, monitoring.SECONDS_KEPT_MS))
            if self._time_series:
                commands += samples(name, at, entry)
        return commands

    async def _finished_minutes(self, at: int, settled_now: Mapping[str, str]) -> list[Command]:
        """The entries of the minutes that ended since the last look, as far as their seconds were written."""
        step = monitoring.MINUTE_MS
        current = at - at % step
        commands: list[Command] = []
        for minute in range(max(self._minute + step, current - _MINUTES_BEHIND * step), current, step):
            for name in (*self._services, monitoring.BUSINESS):
                key = self._names.key(monitoring.seconds(name))
                known = await self._sources.entries(key, str(minute), str(minute + step - 1))
                if known:
                    entry = condensed([fields for _, fields in known], _fields(name))
                    commands.append(
                        append(monitoring.minutes(name), minute, entry, monitoring.MINUTES_KEPT_MS)
                    )
            self._minute = minute
        if commands:
            commands.append(append(monitoring.SETTLEMENT, current, settled_now, _SETTLEMENT_KEPT_MS))
        return commands

    async def _settled_before_window(self, now_ms: int) -> settlement.Histogram:
        """What was settled when the window began, looked up once a minute; nothing where that was not written down."""
        minute = now_ms // monitoring.MINUTE_MS
        if minute != self._window_of:
            key = self._names.key(monitoring.SETTLEMENT)
            found = await self._sources.latest(key, 1, str(now_ms - settlement.WINDOW_MS))
            self._settled_before = settlement.from_entry(found[0][1]) if found else settlement.EMPTY
            self._window_of = minute
        return self._settled_before

    def _fed(self, now_ms: int) -> list[Command]:
        """The latest events, and how far that is, which takes effect with them: none comes twice."""
        came, position = self._broker.feed()
        return [*self._feed.add(now_ms, came), *store(monitoring.FEED_NEXT, position)] if came else []


def _tables(of: Mapping[str, Figures], looks: Mapping[str, Look]) -> list[Command]:
    """The hashes of counts."""
    commands: list[Command] = []
    for service in STATUSES:
        counts = statuses(service, looks.get(service))
        commands += store(monitoring.status(service), {name: str(n) for name, n in counts.items()})
    for key, service, kind in (
        (monitoring.OPERATION_REASONS, "operations", "reason"),
        (monitoring.EXECUTION_REASONS, "executions", "reason"),
        (monitoring.BLOCKS, "agents", "block"),
    ):
        counted = kinds(of.get(service)).get(kind, {})
        commands += replace(key, {name: str(n) for name, n in counted.items()})
    filled = kinds(of.get("executions")).get("notional_e18", {})
    commands += replace(monitoring.NOTIONAL, {name: from_e18(units) for name, units in filled.items()})
    return commands


def _fields(name: str) -> tuple[str, ...]:
    return monitoring.BUSINESS_FIELDS if name == monitoring.BUSINESS else monitoring.PIPELINE_FIELDS


def _ms(entry_id: str) -> int:
    return int(entry_id.partition("-")[0])
