"""How a worker waits for its brokers."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from functools import partial
from typing import NoReturn

import pytest
import structlog
from redis.exceptions import ConnectionError as RedisConnectionError
from structlog.testing import capture_logs

from libs.runtime import patience


async def _yes() -> bool:
    return True


async def _no() -> bool:
    return False


async def test_calls_that_wait_for_one_broker_leave_one_line() -> None:
    """A worker's partitions all wait when it is away; each call still gets its answer."""
    waiting = patience.Patience(_yes, 60.0)
    refused = set()

    async def write(number: int) -> int:
        if number not in refused:
            refused.add(number)
            raise RedisConnectionError("refused")
        return number

    with capture_logs() as lines:
        calls = (waiting.redis(f"write partition {n}", partial(write, n)) for n in range(6))
        assert await asyncio.gather(*calls) == list(range(6))
    assert [line["event"] for line in lines] == ["waiting for Redis"]


async def test_a_client_that_needs_a_moment_after_an_outage_is_no_news(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """However many calls of a process wait for it, and however often the broker comes and goes meanwhile."""
    monkeypatch.setattr(patience, "_REMIND", 0.05)
    looks = 0
    done = asyncio.Event()

    async def comes_and_goes() -> bool:
        nonlocal looks
        looks += 1
        if looks > 4 * 11:
            done.set()
        return (looks - 1) // 11 % 2 == 1  # seen by all eleven: away, there, away, there

    waiting = patience.Patience(comes_and_goes, 60.0)
    with capture_logs() as lines:
        await asyncio.gather(*(waiting.kafka(f"append {n}", done.wait()) for n in range(11)))
    assert {line["event"] for line in lines} == {"waiting for Kafka"}


async def test_a_client_that_stays_without_an_answer_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A reminder, as of a broker that is away: not by each call of the process."""
    monkeypatch.setattr(patience, "_REMIND", 0.3)
    looks = 0
    done = asyncio.Event()

    async def answers() -> bool:
        nonlocal looks
        looks += 1
        if looks == 2 * 11:
            done.set()
        return True

    waiting = patience.Patience(answers, 60.0)
    with capture_logs() as lines:
        await asyncio.gather(*(waiting.kafka(f"append {n}", done.wait()) for n in range(11)))
    assert [line["event"] for line in lines] == ["Kafka answers, but not this client"]


async def test_a_client_that_is_stuck_is_given_up_after_its_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from when the broker was there again, and told of before."""
    monkeypatch.setattr(patience, "_REMIND", 0.02)
    waiting = patience.Patience(_yes, 0.1)
    with capture_logs() as lines, pytest.raises(patience.Stuck, match="append: no answer"):
        await waiting.kafka("append", asyncio.Event().wait())
    assert {line["event"] for line in lines} == {"Kafka answers, but not this client"}


async def test_each_broker_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was said of the other just now; and again, as long as it is away."""
    monkeypatch.setattr(patience, "_REMIND", 0.01)
    waiting = patience.Patience(_no, 60.0)
    lines: list[str] = []
    there = asyncio.Event()

    async def write() -> None:
        if lines.count("waiting for Redis") < 2:
            raise RedisConnectionError("refused")

    def heard(_: object, __: str, line: MutableMapping[str, str]) -> NoReturn:
        lines.append(line["event"])
        if lines.count("waiting for Kafka") > 1:
            there.set()
        raise structlog.DropEvent

    monkeypatch.setattr(patience, "log", structlog.wrap_logger(None, processors=[heard]))
    await waiting.redis("write", write)
    await waiting.kafka("append", there.wait())
    assert lines.count("waiting for Redis") == lines.count("waiting for Kafka") == 2
