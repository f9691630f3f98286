"""Keeps the board up to date and tells the hub: one look for all who watch, however many they are."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

import orjson
import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from redis.asyncio import Redis

from libs.contracts import monitoring
from libs.contracts.names import Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.latest import Latest
from libs.runtime.letters import letter
from libs.runtime.lookout import Lookout
from libs.runtime.reader import Record
from libs.settings import Settings
from services.api import agents
from services.api.backend import Backend
from services.api.listing import hashes, latest
from services.api.live.beside import INPUTS, LastSeen, beside
from services.api.live.board import Board
from services.api.live.hub import Hub
from services.api.live.items import conflict_item, event_item
from services.api.live.rows import agent_row, service_row
from services.api.refusals import Refusal

log = structlog.get_logger("stratafold.api.live")

_WATCHED: Final = 1.0  # seconds from look to look
_UNWATCHED: Final = 5.0
_AGENTS: Final = 12  # those that told something last
_SNAPSHOTS: Final = 10  # of an agent, the latest: more than it sends from look to look
# Records of a partition that a look takes: the feed is whole while fewer come, a sample where there are more.
_EVENTS, _LETTERS, _FACTS, _INPUTS = 20, 20, 50, 20
_SILENT: Final = ("versions",)  # whose conflicts lead to no event: they are looked for in the log
_FETCH_BYTES: Final = 256 * 1024


class Follower:
    """Looks after the page's board."""

    def __init__(
        self, settings: Settings, redis: Redis, backend: Backend, services: Sequence[str], hub: Hub
    ) -> None:
        names = Names(settings.namespace)
        self.board = Board()
        self._seen = LastSeen()
        self._redis, self._figures = redis, names.key(monitoring.seconds(monitoring.BUSINESS))
        self._backend, self._services, self._hub = backend, services, hub
        self._hurry = asyncio.Event()
        hub.first = self._hurry.set
        streams = [(one, "events", _EVENTS) for one in services] + [
            (one, "dead", _LETTERS) for one in services
        ]
        streams += [(one, "log", _FACTS) for one in services if one in _SILENT]
        streams += [(one, "in", _INPUTS) for one in services if one in INPUTS]
        self._streams = {names.topic(f"{one}.{stream}"): (one, stream) for one, stream, _ in streams}
        self._lookout = Lookout(
            redis,
            Latest(lambda: _consumer(KafkaAccess.of(settings)), settings.partitions, self._take),
            names,
            services,
            settings.partitions,
            {names.topic(f"{one}.{stream}"): most for one, stream, most in streams},
        )

    async def run(self) -> None:
        """Look until cancelled: every second while somebody watches, else less often."""
        try:
            while True:
                began = time.monotonic()
                try:
                    await self._look()
                except Exception:  # the API goes on, whatever is wrong with its page
                    log.exception("the page can't be brought up to date")
                pause = (_WATCHED if self._hub.watched else _UNWATCHED) - (time.monotonic() - began)
                self._hurry.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(max(pause, 0)):
                        await self._hurry.wait()
        finally:
            await self._lookout.close()

    def state(self) -> bytes:
        """What a page that was just opened is sent."""
        return message("state", self.board.state())

    async def _look(self) -> None:
        await self._lookout.look()
        await self._ask_agents()
        await self._ask_figures()
        lookout = self._lookout
        rows = [
            service_row(one, lookout.partitions(one.service), lookout.bounds(one.service))
            for one in lookout.figures()
        ]
        away = {"kafka": lookout.kafka_away, "redis": lookout.redis_away}
        now = time.time_ns() // 1_000_000
        self.board.looked(now, rows, away, beside(self._services, self._seen, away, now))
        changes = self.board.changes()
        if self._hub.watched:
            self._hub.publish(b"".join(message(kind, data) for kind, data in changes.items()))

    async def _ask_agents(self) -> None:
        """While a partition is not ready, what was known last stands."""
        if agents.SERVICE not in self._services or self._lookout.redis_away:
            return
        with suppress(Refusal):
            places = await latest(self._backend, agents.SERVICE, agents.ALL, None, _AGENTS)
            found = await hashes(self._backend, agents.SERVICE, [agent_id for _, agent_id in places])
            snapshots = await asyncio.gather(*map(self._snapshots, found))
            self.board.followed([agent_row(*one) for one in zip(found.values(), snapshots, strict=True)])

    async def _ask_figures(self) -> None:
        """When metrics wrote last."""
        if self._lookout.redis_away:
            return
        with suppress(Refusal):
            found: Any = await self._backend.ask(self._redis.xrevrange(self._figures, count=1))
            self._seen.figures = int(found[0][0].partition(b"-")[0]) if found else None

    async def _snapshots(self, agent_id: str) -> Sequence[tuple[int, Mapping[str, str]]]:
        backend, partition = self._backend, self._backend.partition(agent_id)
        asked = backend.views.stream(agents.SERVICE, partition, agent_id, "equity", None, _SNAPSHOTS)
        return (await backend.ask(asked)).entries

    def _take(self, place: TopicPartition, records: list[Record]) -> None:
        service, stream = self._streams[place.topic]
        for record in records:
            match stream:
                case "in":
                    self._seen.took(service, record.timestamp, record.value, record.headers)
                case "dead":
                    self.board.refused(letter(record))
                case "events":
                    self.board.told(event_item(service, record.value))
                case _:
                    self.board.told(conflict_item(service, record.value))


def message(kind: str, data: Any) -> bytes:
    """A server-sent event: its kind, and its data as JSON, which has no line breaks."""
    return b"event: " + kind.encode() + b"\ndata: " + orjson.dumps(data) + b"\n\n"


def _consumer(kafka: KafkaAccess) -> AIOKafkaConsumer[Any, Any]:
    return AIOKafkaConsumer(
        **kafka.options(),
        client_id="stratafold-api",
        group_id=None,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        isolation_level="read_committed",
        fetch_max_wait_ms=100,
        max_partition_fetch_bytes=_FETCH_BYTES,
    )
