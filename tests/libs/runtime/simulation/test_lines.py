"""What a worker logs does not grow with its records: a line a batch at most, and that only for whoever asks for it."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest

from libs.ledger.records import Outgoing
from libs.runtime import partition, patience, recovery
from libs.telemetry.worker_metrics import WorkerMetrics
from tests.libs.ledger import histories
from tests.libs.runtime.simulation import clock
from tests.libs.runtime.simulation.schedule import AGGREGATES
from tests.libs.runtime.simulation.world import World

_PLACE = ("executions", 0)
_RECORDS = 400


class Lines:
    """Every line that is logged: its level, its text, its fields with those that were bound."""

    def __init__(self, bound: dict[str, Any] | None = None, told: list[Any] | None = None) -> None:
        self._bound = bound or {}
        self.told: list[tuple[str, str, dict[str, Any]]] = [] if told is None else told

    def bind(self, **fields: Any) -> Lines:
        return Lines({**self._bound, **fields}, self.told)

    def __getattr__(self, level: str) -> Any:
        return lambda event, **fields: self.told.append((level, event, {**self._bound, **fields}))


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    lines = Lines()
    for module in (partition, recovery):
        monkeypatch.setattr(module, "logger", lines)
    monkeypatch.setattr(patience, "log", lines)
    return lines


async def _work(count: int) -> int:
    """Recover, then fold so many records of every kind; how many batches that took."""
    rng = Random(7)
    world = World(rng, AGGREGATES, None)
    process = world.start(_PLACE)
    await asyncio.sleep(1)
    noise = histories.Noise(broken=0.3)
    values: list[bytes | None] = []
    while len(values) < count:
        values += histories.spoiled(rng, histories.story(rng).bodies(), noise)
    topic = world.topic("executions.in", 0)
    topic.append([Outgoing(0, None, value) for value in values[:count]])
    await asyncio.sleep(60)
    assert process.partition.folded == (topic.end - 1 if count else -1)
    return _batches(process.metrics)


def _batches(metrics: WorkerMetrics) -> int:
    told = metrics.registry.get_sample_value("stratafold_worker_batches_total", {"service": "executions"})
    return int(told or 0)


def test_of_normal_work_there_is_no_line_but_of_the_start(lines: Lines) -> None:
    clock.run(_work(_RECORDS))
    said = [(level, event) for level, event, _ in lines.told if level != "debug"]
    lines.told.clear()
    clock.run(_work(0))
    assert said == [(level, event) for level, event, _ in lines.told] == [("info", "ready")]


def test_whoever_asks_for_it_is_told_a_line_a_batch(lines: Lines) -> None:
    batches = clock.run(_work(_RECORDS))
    told = [fields for level, event, fields in lines.told if (level, event) == ("debug", "batch")]
    assert 1 < len(told) == batches < _RECORDS / 2
    assert sum(fields["records"] for fields in told) == _RECORDS
    assert {(fields["service"], fields["partition"]) for fields in told} == {_PLACE}
    ends = [fields["last"] for fields in told]
    assert ends == sorted(ends)
    assert all(sum(fields[one] for one in ("applied", "quarantined")) <= fields["records"] for fields in told)


def test_every_line_of_a_partition_says_whose_it_is(lines: Lines) -> None:
    async def refold() -> None:
        rng = Random(3)
        world = World(rng, AGGREGATES, None)
        first = world.start(_PLACE)
        values = histories.spoiled(rng, histories.story(rng).bodies())
        world.topic("executions.in", 0).append([Outgoing(0, None, value) for value in values])
        await asyncio.sleep(30)
        first.kill()
        for keys in world.keyspaces.values():
            keys.become(type(keys)())
        world.start(_PLACE)
        await asyncio.sleep(30)

    clock.run(refold())
    assert "refolded" in {event for _, event, _ in lines.told}
    assert {(fields["service"], fields["partition"]) for _, _, fields in lines.told} == {_PLACE}
