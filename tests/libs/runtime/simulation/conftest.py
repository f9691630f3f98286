"""The machine in a world of its own: virtual time, small batches, no log lines."""

from __future__ import annotations

from typing import Any

import pytest

from libs.runtime import inbox, partition, patience, rebuild, recovery, states
from tests.libs.runtime.simulation.clock import VirtualTime


class _Silence:
    """A logger that says nothing."""

    def bind(self, **_: Any) -> _Silence:
        return self

    def __getattr__(self, name: str) -> Any:
        return lambda *_, **__: None


class _Steady:
    """Back-off without jitter: the schedule's own randomness is enough, and a seed stays a seed."""

    @staticmethod
    def uniform(least: float, most: float) -> float:
        return (least + most) / 2


async def _yes(_: object) -> bool:
    return True


@pytest.fixture(autouse=True)
def small_and_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches of 5 and fewer cached entities, so that a schedule of some dozen records passes every path."""
    for module in (partition, rebuild, recovery, states):
        monkeypatch.setattr(module, "logger", _Silence())
    monkeypatch.setattr(patience, "log", _Silence())
    for module in (partition, patience):
        monkeypatch.setattr(module, "time", VirtualTime)
    monkeypatch.setattr(partition, "random", _Steady)
    monkeypatch.setattr(rebuild, "kafka_answers", _yes)
    monkeypatch.setattr(rebuild, "PartitionStore", lambda process, *_: process.store)
    monkeypatch.setattr(
        rebuild, "open_ledger", lambda process, names, service, number: process.open_ledger(number)
    )
    monkeypatch.setattr(partition, "BATCH", 5)
    monkeypatch.setattr(partition, "ENTITIES", 4)
    monkeypatch.setattr(inbox, "HIGH_RECORDS", 25)
    monkeypatch.setattr(states, "READ_AT_ONCE", 3)
    monkeypatch.setattr(states, "AT_ONCE", 2)
    monkeypatch.setattr(states, "REMEMBERED", 3)
