"""How long the panels of Grafana's dashboards ask Redis over an hour in which a million events came.

The hour's figures are written as the metrics service writes them, an entry a second whatever came; the queries are
asked one after another as the data source does it, until the whole answer is read.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

from redis import Redis

from libs.contracts import monitoring
from libs.contracts.names import SERVICES
from libs.contracts.statuses import STATUSES
from libs.settings import Settings
from services.metrics.commands import Command, append, append_of, entry_of, members, store
from services.metrics.feed import KEPT
from tests.bench.arena import Arena
from tests.bench.figures import percentile
from tests.bench.process import Meter
from tests.deploy.dashboards import DASHBOARDS, load, panels
from tests.deploy.redis_source import command
from tests.deploy.viewer import Viewer, as_grafana, viewer

EVENTS: Final = 1_000_000
_SECONDS: Final = 3_600
_ROUNDS: Final = 100
_AGENTS: Final = 20
_SNAPSHOTS: Final = int(
    Settings.model_fields["history"].default
)  # an agent, as many as are kept; all in the hour
_STRATEGIES: Final = 200
_AT_ONCE: Final = 500  # commands a round trip


@dataclass(frozen=True)
class Looked:
    """A panel: how many queries it has, the entries that they brought, and ms of all of them together."""

    dashboard: str
    panel: str
    queries: int
    entries: int
    least: float
    p50: float
    p99: float


@dataclass(frozen=True)
class Hour:
    """All panels, in the order of the dashboards; ``others`` are the cores that anybody else had meanwhile."""

    panels: list[Looked]
    others: float


def measure(place: Arena) -> Hour:
    """Ask all that the dashboards ask."""
    now = int(time.time()) * 1_000
    place.redis.flushall()
    fill(place.redis, now)
    meter = Meter(place.processes)
    gc.disable()  # whose pauses would be this client's own
    try:
        with viewer(place.redis_url) as chooser, as_grafana(place.redis_url, texts=False) as redis:
            looked = [one for name in DASHBOARDS for one in _dashboard(chooser, redis, name, now)]
    finally:
        gc.enable()
    used = meter.used()
    return Hour(looked, used.others / used.wall)


def fill(redis: Redis, now: int) -> None:
    """The hour until ``now`` (ms)."""
    commands = _hour(now)
    while some := list(islice(commands, _AT_ONCE)):
        pipe = redis.pipeline(transaction=False)
        for words in some:
            pipe.execute_command(*words)  # type: ignore[no-untyped-call]
        pipe.execute()


def _dashboard(chooser: Viewer, redis: Redis, name: str, now: int) -> Iterator[Looked]:
    dashboard = load(name)
    values = chooser.values(dashboard, "ts")
    for panel in panels(dashboard):
        asked = [command(query, now - _SECONDS * 1_000, now, values) for query in panel["targets"]]
        spent, entries = [], 0
        for _ in range(_ROUNDS):
            began = time.perf_counter()
            answers = [redis.execute_command(*words) for words in asked]  # type: ignore[no-untyped-call]
            spent.append((time.perf_counter() - began) * 1_000)
            entries = sum(
                1 if words[0] == "HGETALL" else len(answer)
                for words, answer in zip(asked, answers, strict=True)
            )
        times = (min(spent), percentile(spent, 50), percentile(spent, 99))
        yield Looked(name, panel["title"], len(asked), entries, *times)


def _hour(now: int) -> Iterator[Command]:
    """All that is written of an hour, with figures as long as those of a million events are."""
    yield from members(monitoring.SERVICES, SERVICES)
    kept = monitoring.SECONDS_KEPT_MS
    for name in (*SERVICES, monitoring.BUSINESS):
        fields = monitoring.BUSINESS_FIELDS if name == monitoring.BUSINESS else monitoring.PIPELINE_FIELDS
        for second in range(_SECONDS):
            entry = dict.fromkeys(fields, f"{EVENTS * (second + 1) / _SECONDS:.3f}")
            yield append(monitoring.seconds(name), now - (_SECONDS - 1 - second) * 1_000, entry, kept)
        yield from store(monitoring.now(name), dict.fromkeys(fields, str(EVENTS)))
    for service, names in STATUSES.items():
        yield from store(monitoring.status(service), dict.fromkeys(names, str(EVENTS)))
    reasons = {f"reason_{number}": str(EVENTS) for number in range(20)}
    for key in (
        monitoring.OPERATION_REASONS,
        monitoring.EXECUTION_REASONS,
        monitoring.NOTIONAL,
        monitoring.BLOCKS,
    ):
        yield from store(key, reasons)
    yield from _entities(now)
    for number in range(KEPT * len(SERVICES)):
        entry = dict.fromkeys(monitoring.FEED_FIELDS, "an event as long as they are, with an id of 36")
        entry["service"] = SERVICES[number % len(SERVICES)]
        yield entry_of(monitoring.FEED, f"{now - 10_000 + number}-0", entry)


def _entities(now: int) -> Iterator[Command]:
    agents = [f"agent-{number}" for number in range(_AGENTS)]
    yield from members(monitoring.AGENTS, agents)
    for agent in agents:
        yield from store(monitoring.agent(agent), dict.fromkeys(monitoring.AGENT_FIELDS, "10000.00"))
        for number in range(_SNAPSHOTS):
            snapshot = dict.fromkeys(monitoring.EQUITY_FIELDS, "10000.00")
            at = now - (_SNAPSHOTS - number) * _SECONDS * 1_000 // _SNAPSHOTS
            yield append_of(monitoring.equity(agent), f"{at}-{number + 1}", snapshot, _SNAPSHOTS)
    strategies = [f"acme:strategy-{number}" for number in range(_STRATEGIES)]
    yield from members(monitoring.STRATEGIES, strategies)
    for strategy in strategies:
        yield from store(monitoring.strategy(strategy), dict.fromkeys(monitoring.STRATEGY_FIELDS, "deployed"))
