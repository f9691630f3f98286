"""What is done to workers, broker and Redis; each leaves workers at work that nothing is done to any more."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path

from redis.asyncio import Redis

from libs.runtime.failpoints import CYCLE, RECOVERY
from tests.faults.lane import Lane, Scenario
from tests.real.workers import WorkerProcess

# Only where something has to be folded again are these passed; the others once a partition.
_WITH_WORK = ("recovery_refolded", "recovery_emitted", "recovery_written")


def killed_at(*failpoints: str) -> Scenario:
    """Both workers die at each of the named points of the cycle, again and again, and are started anew."""

    async def scenario(lane: Lane) -> None:
        turns = failpoints * lane.times
        for failpoint in turns:
            await lane.feed(1 / (len(turns) + 1))
            passage = lane.rng.randint(1, lane.deployment.partitions)
            await lane.killed(lane.start(f"{failpoint}:{passage}"))
        lane.start()

    return scenario


def killed_in_recovery_at(*failpoints: str) -> Scenario:
    """Workers die with work left to recover (after the log, or with all of Redis gone), and again while recovering."""

    async def scenario(lane: Lane) -> None:
        turns, most = failpoints * lane.times, lane.deployment.partitions
        for turn, failpoint in enumerate(turns):
            await lane.feed(1 / (len(turns) + 1))
            await lane.killed(lane.start(f"after_log:{lane.rng.randint(1, most)}"))
            if turn % 2:
                await lane.forget()
            passage = 1 if failpoint in _WITH_WORK and not turn % 2 else lane.rng.randint(1, most)
            await lane.killed(lane.start(f"{failpoint}:{passage}"))
        lane.start()

    return scenario


def frozen_at(failpoint: str) -> Scenario:
    """Both workers pause at a named point past the session's time-out; others take over; then they wake as zombies."""

    async def scenario(lane: Lane) -> None:
        turns = max(1, lane.times // 2)
        zombies: list[WorkerProcess] = []
        for _ in range(turns):
            for worker in zombies:  # those of the turn before would leave nothing for the ones to be paused
                worker.kill()
            lane.faults += len(zombies)
            await lane.feed(1 / (3 * turns + 1))
            passage = lane.rng.randint(1, lane.deployment.partitions)
            zombies = lane.start(f"{failpoint}:{passage}", freeze=True)
            await lane.paused(zombies)
            heirs = lane.start()
            await lane.feed(1 / (3 * turns + 1))
            await lane.deployment.settle(150)
            for zombie in zombies:
                zombie.signal(signal.SIGCONT)
            await asyncio.sleep(2)
            await lane.deployment.settle(150)
            for worker in heirs:  # the zombies, by now members of the group again, take over
                worker.kill()
            lane.faults += len(heirs)
            await lane.feed(1 / (3 * turns + 1))
            await lane.deployment.settle(150)

    return scenario


def overtaken_at(failpoint: str) -> Scenario:
    """Both workers pause at a named point and wake only when others have folded all there is: nobody mends it after."""

    async def scenario(lane: Lane) -> None:
        await lane.feed(1 / 2)
        zombies = lane.start(f"{failpoint}:1", freeze=True)
        await lane.paused(zombies)
        lane.start()
        await lane.feed(1)
        await lane.deployment.settle(150)
        for zombie in zombies:
            zombie.signal(signal.SIGCONT)
        await asyncio.sleep(2)

    return scenario


def frozen_in_recovery_at(failpoint: str) -> Scenario:
    """Workers die with work left to recover; the next ones pause in recovery and wake when others are far beyond."""

    async def scenario(lane: Lane) -> None:
        await lane.feed(1 / 3)
        most = lane.deployment.partitions
        await lane.killed(lane.start(f"after_log:{lane.rng.randint(1, most)}"))
        zombies = lane.start(f"{failpoint}:1", freeze=True)
        await lane.paused(zombies)
        lane.start()
        await lane.feed(1 / 3)
        await lane.deployment.settle(150)
        for zombie in zombies:
            zombie.signal(signal.SIGCONT)
        await asyncio.sleep(2)
        await lane.feed(1)

    return scenario


async def paused_amid_load(lane: Lane) -> None:
    """Workers are paused wherever they are just then, past the session's time-out, and wake as zombies under load."""
    first = lane.start()
    load = asyncio.create_task(lane.pour(16.0 * max(1, lane.times // 2)))
    second = lane.start()
    for turn in range(max(1, lane.times // 2)):
        await asyncio.sleep(lane.rng.uniform(1.5, 2.5))
        zombies = (first, second)[turn % 2]
        for zombie in zombies:
            zombie.signal(signal.SIGSTOP)
        lane.faults += len(zombies)
        await asyncio.sleep(12)
        for zombie in zombies:
            zombie.signal(signal.SIGCONT)
    await load
    await asyncio.sleep(2)


async def killed_amid_load(lane: Lane) -> None:
    """Workers are killed wherever they are just then, while two of each service share the partitions."""
    load = asyncio.create_task(lane.pour(6.0 * lane.times))
    lane.start()
    victims = lane.start()
    for _ in range(lane.times):
        await asyncio.sleep(lane.rng.uniform(2.0, 4.0))
        for victim in victims:
            victim.kill()
        lane.faults += len(victims)
        victims = lane.start()
    await load


async def scaled(lane: Lane) -> None:
    """One worker, then three, then one again, under load; those that go are stopped cleanly."""
    load = asyncio.create_task(lane.pour(10.0 * max(1, lane.times // 2)))
    lane.start()
    for _ in range(max(1, lane.times // 2)):
        await asyncio.sleep(2)
        more = [*lane.start(), *lane.start()]
        await lane.shared_by(3)
        statuses = await asyncio.gather(*(asyncio.to_thread(worker.stop) for worker in more))
        assert set(statuses) == {0}, f"exit statuses {statuses}\n{lane.deployment.last_words()}"
        lane.faults += 2 * len(more)
    await load


def amid_load(pause: float, *strikes: Callable[[Lane], Awaitable[None]]) -> Scenario:
    """Strike at a server with a pause between, in seconds, while workers are at work under load."""

    async def scenario(lane: Lane) -> None:
        lane.start()
        turns = strikes * lane.times
        load = asyncio.create_task(lane.pour(pause * (len(turns) + 1)))
        for strike in turns:
            await asyncio.sleep(pause * lane.rng.uniform(0.6, 1.2))
            await strike(lane)
            lane.faults += 1
        await load

    return scenario


async def _kill_broker(lane: Lane) -> None:
    await asyncio.to_thread(lane.stack.kafka.kill)
    await asyncio.sleep(lane.rng.uniform(0, 2))
    await asyncio.to_thread(lane.stack.kafka.start)


async def _kill_broker_amid_recovery(lane: Lane) -> None:
    """All workers are killed, and the broker once the next ones have begun to recover."""
    for worker in [one for one in lane.deployment.workers if one.status is None]:
        worker.kill()
        lane.faults += 1
    lane.start()
    await asyncio.sleep(lane.rng.uniform(0.6, 1.4))
    await _kill_broker(lane)


async def _kill_redis(lane: Lane) -> None:
    await asyncio.to_thread(lane.stack.redis.kill)
    await asyncio.sleep(lane.rng.uniform(0, 2))
    await asyncio.to_thread(lane.stack.redis.start)


async def _older_redis(lane: Lane) -> None:
    """Redis comes back as it was two seconds before."""
    home = lane.stack.data / "redis" / "appendonlydir"
    copy = Path(f"{home}.older")
    await asyncio.to_thread(shutil.copytree, home, copy)
    await asyncio.sleep(2)
    await asyncio.to_thread(lane.stack.redis.kill)
    await asyncio.to_thread(_replace, home, copy)
    await asyncio.to_thread(lane.stack.redis.start)


def _replace(folder: Path, other: Path) -> None:
    shutil.rmtree(folder)
    other.rename(folder)


async def _flush(lane: Lane) -> None:
    async with Redis.from_url(lane.deployment.servers.redis) as redis:
        await redis.flushall()


async def _flush_scripts(lane: Lane) -> None:
    async with Redis.from_url(lane.deployment.servers.redis) as redis:
        await redis.script_flush()


# Each run has a namespace of its own, so these may go on side by side.
WORKERS: dict[str, Scenario] = {
    **{f"killed {name}": killed_at(name) for name in CYCLE},
    **{f"killed {name}": killed_in_recovery_at(name) for name in RECOVERY},
    **{f"zombie {name}": frozen_at(name) for name in CYCLE},
    **{f"zombie {name}": frozen_in_recovery_at(name) for name in RECOVERY},
    "zombie amid load": paused_amid_load,
    "killed amid load": killed_amid_load,
    "scaled 1-3-1": scaled,
}
# These strike at everyone, so each has the stack for itself.
SERVERS: dict[str, Scenario] = {
    "broker killed": amid_load(6.0, _kill_broker),
    "broker killed amid recovery": amid_load(6.0, _kill_broker_amid_recovery),
    "redis killed": amid_load(3.0, _kill_redis),
    "redis older": amid_load(4.0, _older_redis),
    "redis flushed": amid_load(2.0, _flush),
    "scripts flushed": amid_load(1.0, _flush_scripts),
}

# The same in few runs, each with several faults in turn.
QUICK_WORKERS: dict[str, Scenario] = {
    "killed in the cycle, 1": killed_at(*CYCLE[:4]),
    "killed in the cycle, 2": killed_at(*CYCLE[4:]),
    "killed in recovery, 1": killed_in_recovery_at(*RECOVERY[:3]),
    "killed in recovery, 2": killed_in_recovery_at(*RECOVERY[3:]),
    "zombie after_log": frozen_at("after_log"),
    "zombie amid_events": frozen_at("amid_events"),
    "zombie recovery_refolded": frozen_in_recovery_at("recovery_refolded"),
    "zombie amid load": paused_amid_load,
    "killed amid load": killed_amid_load,
    "scaled 1-3-1": scaled,
}
QUICK_SERVERS: dict[str, Scenario] = {
    "servers struck in turn": amid_load(3.0, _flush_scripts, _kill_redis, _older_redis, _flush, _kill_broker)
}
