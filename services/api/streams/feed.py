"""What the logs tell subscribers: accounts' frames with those of the replay window, and agents' messages."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from libs.contracts.names import Names
from libs.contracts.partitions import partition_of
from libs.contracts.traceparent import TRACEPARENT
from libs.ledger.envelope import Logged, parse_log_record
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.reader import Record
from libs.settings import Settings
from libs.telemetry.traces import Kind
from services.api.streams.channel import Channel
from services.api.streams.following import Following, Verdict
from services.api.streams.frame import Frame, agent_message, status_frame
from services.api.streams.limits import ACCOUNT_BYTES, TOTAL_BYTES
from services.api.streams.ring import Standing
from services.api.streams.tail import Tail

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

_CAUGHT_UP_WITHIN: Final = 5.0  # seconds
_SWEEP_EVERY: Final = 1.0
_MARGIN: Final = 5.0  # seconds by which the clocks of workers and of the broker may differ

log = structlog.get_logger("stratafold.api.streams")


class Numbers(Protocol):
    """Where the number of an account's last frame is known, however long ago it was."""

    async def last(self, account: str) -> int | None:
        """0 for an account without frames; None where nobody can say now."""


class AgentListener(Protocol):
    """A connection that follows an agent."""

    def send(self, frames: bytes) -> None:
        """Send ready-made frames; never waits."""


def _chained(
    chains: dict[int, Following], partition: int, records: list[Record], anew: Callable[[], None]
) -> list[tuple[Logged, int]]:
    """The records that count, each with its time in ms; ``anew`` is called where those before no longer do."""
    chain = chains.setdefault(partition, Following())
    counting: list[tuple[Logged, int]] = []
    damaged: list[str] = []
    for record in records:
        try:
            logged = parse_log_record(record.value or b"")
            verdict = chain.judge(logged)
        except (ValueError, KeyError, TypeError) as why:
            damaged.append(f"{record.topic}/{partition}/{record.offset}: {why}")
            continue
        if verdict is Verdict.BEGINS_ANEW:
            counting.clear()
            anew()
        if verdict is not Verdict.DOES_NOT:
            counting.append((logged, record.timestamp))
    if damaged:
        log.warning("not log records", records=len(damaged), first=damaged[0])
    return counting


def _tell(traces: Traces, logged: Logged, at: int) -> None:
    """That a log record of ``at`` ms goes out as a frame, to its trace if it belongs to one."""
    parent, subject = logged.attributes.get(TRACEPARENT), logged.attributes["subject"]
    if parent is not None:
        about = {"stratafold.subject": subject, "stratafold.verdict": logged.verdict}
        traces.span("send frame", Kind.PRODUCER, parent, began=at * 1_000_000, about=about).end()


class StatusFeed:
    """Frames of all accounts, from ``strategies.log``."""

    def __init__(
        self,
        settings: Settings,
        numbers: Numbers,
        clock: Callable[[], float] = time.time,
        traces: Traces | None = None,
    ) -> None:
        self._partitions = settings.partitions
        self._window = settings.replay_seconds
        self._numbers = numbers
        self._traces = traces
        self._clock = clock
        self._channels: dict[str, Channel] = {}
        self._chains: dict[int, Following] = {}
        self._pending: dict[str, list[Frame]] = {}
        topic = Names(settings.namespace).topic("strategies.log")
        back = settings.replay_seconds + _MARGIN
        self._tail = Tail(KafkaAccess.of(settings), topic, settings.partitions, back, self)

    @property
    def ready(self) -> asyncio.Event:
        """Set once the replay window is filled."""
        return self._tail.ready

    async def run(self) -> None:
        """Follow the log until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._tail.run())
            tasks.create_task(self._sweep())

    def channel(self, account: str) -> Channel:
        """An account's channel, made when it is first asked for."""
        found = self._channels.get(account)
        if found is None:
            found = self._channels[account] = Channel(partition_of(account, self._partitions))
        return found

    async def can_replay(self, account: str, seq: int) -> bool | None:
        """Whether all frames after a number are kept; asks what other processes may know already.

        None where nobody can say now: Kafka, or the worker of the account's partition, does not answer.
        """
        channel = self.channel(account)
        standing = self._standing(channel, seq)
        if standing in (Standing.KEPT, Standing.GONE):
            return standing is Standing.KEPT
        # Another process may have shown a frame that we have yet to read; and of an account without frames in the
        # window only its projection says where it stands. It is asked first: whatever it has folded was logged
        # before, so that the log read to its end has nothing of it that we would miss.
        last = await self._numbers.last(account) if standing is Standing.UNKNOWN else None
        if not await self._tail.caught_up(channel.partition, _CAUGHT_UP_WITHIN):
            return None
        if last is not None:
            channel.ring.assume(last)
        standing = self._standing(channel, seq)
        return None if standing is Standing.UNKNOWN else standing is Standing.KEPT

    def take(self, partition: int, records: list[Record]) -> None:
        """Records of a partition of the log."""

        def anew() -> None:
            self._pending = {
                account: frames
                for account, frames in self._pending.items()
                if partition_of(account, self._partitions) != partition
            }
            for channel in self._channels.values():
                if channel.partition == partition:
                    channel.ring.forget()

        for logged, at in _chained(self._chains, partition, records, anew):
            shown = status_frame(logged, at)
            if shown is not None:
                self._pending.setdefault(shown[0], []).append(shown[1])
                if self._traces is not None and self.channel(shown[0]).heard:
                    _tell(self._traces, logged, at)

    def settle(self, partition: int) -> None:
        """From now on the partition's chain stands."""
        self._chains.setdefault(partition, Following()).settle()

    def flush(self) -> None:
        """Send what was taken."""
        pending, self._pending = self._pending, {}
        for account, frames in pending.items():
            channel = self.channel(account)
            channel.publish(frames)
            channel.ring.evict(self._oldest(), ACCOUNT_BYTES)

    def _standing(self, channel: Channel, seq: int) -> Standing:
        channel.ring.evict(self._oldest(), ACCOUNT_BYTES)
        return channel.ring.standing(seq)

    def _oldest(self) -> int:
        return int((self._clock() - self._window) * 1000)

    async def _sweep(self) -> None:
        """Let go of what nobody will ask for any more, also of accounts where nothing happens."""
        while True:
            await asyncio.sleep(_SWEEP_EVERY)
            for channel in self._channels.values():
                channel.ring.evict(self._oldest(), ACCOUNT_BYTES)
            kept = [channel.ring for channel in self._channels.values() if channel.ring.bytes]
            over = sum(ring.bytes for ring in kept) - TOTAL_BYTES
            for ring in sorted(kept, key=lambda one: one.bytes, reverse=True):
                if over <= 0:
                    break
                share = max(ring.bytes // 2, ring.bytes - over)
                over -= ring.bytes - share
                ring.evict(0, share)


class AgentFeed:
    """Messages of all agents as they come, from ``agents.log``."""

    def __init__(self, settings: Settings, traces: Traces | None = None) -> None:
        self._traces = traces
        self._listeners: dict[str, dict[AgentListener, None]] = {}
        self._chains: dict[int, Following] = {}
        self._pending: dict[str, list[bytes]] = {}
        self._settled: set[int] = set()
        topic = Names(settings.namespace).topic("agents.log")
        self._tail = Tail(KafkaAccess.of(settings), topic, settings.partitions, 0, self)

    @property
    def ready(self) -> asyncio.Event:
        """Set once nothing that comes is missed."""
        return self._tail.ready

    async def run(self) -> None:
        """Follow the log until cancelled."""
        await self._tail.run()

    def join(self, agent: str, listener: AgentListener) -> None:
        """From now on the listener is sent the agent's messages."""
        self._listeners.setdefault(agent, {})[listener] = None

    def leave(self, agent: str, listener: AgentListener) -> None:
        """From now on it is sent nothing."""
        those = self._listeners.get(agent, {})
        those.pop(listener, None)
        if not those:
            self._listeners.pop(agent, None)

    def take(self, partition: int, records: list[Record]) -> None:
        """Records of a partition of the log; those from before the start only show where the chain is."""
        counting = _chained(self._chains, partition, records, lambda: None)
        if partition not in self._settled:
            return
        for logged, at in counting:
            shown = agent_message(logged)
            if shown is not None and shown[0] in self._listeners:
                self._pending.setdefault(shown[0], []).append(shown[1])
                if self._traces is not None:
                    _tell(self._traces, logged, at)

    def settle(self, partition: int) -> None:
        """From now on the partition's chain stands, and its messages are sent."""
        self._chains.setdefault(partition, Following()).settle()
        self._settled.add(partition)

    def flush(self) -> None:
        """Send what was taken."""
        pending, self._pending = self._pending, {}
        for agent, messages in pending.items():
            joined = b"".join(messages)
            for listener in self._listeners.get(agent, ()):
                listener.send(joined)
