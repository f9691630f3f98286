"""The connector of strategies: an account's status stream (004) into ``strategies.in``."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import structlog
from websockets.asyncio.client import ClientConnection

from libs.contracts.strategies import EVERYTHING
from services.connectors import reconciliation
from services.connectors.addresses import Address, strategy_path
from services.connectors.backoff import Backoff
from services.connectors.frames import REPLAY_UNAVAILABLE, Ack, Event, Odd, answers, read, subscribe
from services.connectors.line import FAILURES, Lost, Patience, lost, open_line
from services.connectors.ports import LARGEST, Topic
from services.connectors.rest import NoAnswer, NotThere, Rest
from services.connectors.resume import Progress, advance, enough, recall, since, stalled
from services.connectors.signing import Credentials, Stamps, auth_frame, headers, signed_url
from services.connectors.states import States
from services.connectors.writer import Writer

MOST_LOOKED_BACK: Final = 200_000  # records of the partition, for the last number of an account
_ODD_TOLD: Final = 20  # odd frames of a connection that are told one by one

log = structlog.get_logger("stratafold.connector")


@dataclass(frozen=True, slots=True)
class Wish:
    """What to connect to, and how; ``subscriptions`` are strategies' ids, or ``*`` alone."""

    address: Address
    account: str
    credentials: Credentials
    auth: Literal["frame", "url"] = "frame"
    subscriptions: tuple[str, ...] = (EVERYTHING,)


class StrategyConnector:
    """Keeps one account's stream flowing into Kafka.

    ``entities`` gives the ids of the account's strategies that our projection has, and waits while it can't.
    """

    def __init__(
        self,
        wish: Wish,
        outlet: Topic,
        rest: Rest,
        entities: Callable[[], Awaitable[Sequence[str]]],
        backoff: Backoff,
        patience: Patience | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._wish = wish
        self._outlet = outlet
        self._rest = rest
        self._entities = entities
        self._backoff = backoff
        self._patience = patience or Patience()
        self._sleep = sleep
        self._stamps = Stamps()
        self._states = States(wish.address.url)
        self._writer: Writer[Event] = Writer(outlet, self._has)
        self._progress = Progress()
        self._ended_too_large = 0
        self._skip_replay = False

    async def run(self) -> None:
        """Go on until cancelled. Raises WrongTopic, Stuck."""
        await self._outlet.open()
        await self._recall()
        await self._writer.run_beside(self._keep_connected())

    async def _recall(self) -> None:
        """What Kafka has from before."""
        wanted = self._wish.subscriptions
        values = await self._outlet.tail(
            self._wish.account, lambda values: enough(values, wanted), MOST_LOOKED_BACK
        )
        self._progress = recall(Progress(), values)
        self._states.now("what kafka has is known", number=self._progress.number)

    def _has(self, event: Event) -> None:
        self._progress = advance(self._progress, event)

    async def _keep_connected(self) -> None:
        while True:
            before = self._progress.number
            try:
                await self._connection()
            except Lost as why:
                # what was received goes first: from its end on the next connection resumes
                await self._writer.settle()
                moved = self._progress.number != before
                self._ended_too_large = self._ended_too_large + 1 if why.too_large and not moved else 0
                self._skip_replay = stalled(self._ended_too_large)
                delay = self._backoff.failed()
                self._states.now("not connected", str(why), warn=True, again_in=round(delay, 1))
                await self._sleep(delay)

    async def _connection(self) -> None:
        """One connection, to its end. Raises Lost."""
        wish = self._wish
        stamp = self._stamps.next(_now())
        url = (
            signed_url(wish.address.url, wish.credentials, stamp) if wish.auth == "url" else wish.address.url
        )
        try:
            async with open_line(url, wish.address.loopback, self._patience) as line:
                self._backoff.connected()
                if wish.auth == "frame":
                    await line.send(auth_frame(wish.credentials, stamp, wish.address.path))
                acks: asyncio.Queue[Ack] = asyncio.Queue()
                scoped = asyncio.Event()
                reading = asyncio.create_task(self._read(line, acks, scoped))
                subscribing = asyncio.create_task(self._subscribe_all(line, acks, scoped))
                try:
                    await asyncio.wait({reading, subscribing}, return_when=asyncio.FIRST_COMPLETED)
                    if subscribing.done():
                        subscribing.result()
                    await reading
                finally:
                    for task in (subscribing, reading):
                        task.cancel()
                    await asyncio.gather(subscribing, reading, return_exceptions=True)
        except FAILURES as why:
            raise lost(why) from None
        finally:
            self._writer.release()

    async def _read(self, line: ClientConnection, acks: asyncio.Queue[Ack], scoped: asyncio.Event) -> None:
        odd = 0
        while True:
            got = read(await line.recv())
            if isinstance(got, Odd):
                odd += 1
                if odd <= _ODD_TOLD:
                    log.warning("a frame is left aside", why=got.why, more_not_told=odd == _ODD_TOLD)
                continue
            if not scoped.is_set() and (isinstance(got, Event) or (got.ok and got.id is not None)):
                scoped.set()
                await self._writer.put(self._wish.account, self._scope())
            if isinstance(got, Ack):
                acks.put_nowait(got)
            else:
                await self._writer.put(self._wish.account, got)

    async def _subscribe_all(
        self, line: ClientConnection, acks: asyncio.Queue[Ack], scoped: asyncio.Event
    ) -> None:
        started = self._progress
        pending = started.reconciling
        for one in self._wish.subscriptions:
            number = since(started, one)
            refused = self._skip_replay
            if not refused:
                if pending:
                    self._writer.hold()
                refused = not await self._subscribe(line, acks, one, number)
            if refused:
                pending = await self._refused(one, number, pending, scoped)
                await self._subscribe(line, acks, one, None)
            if pending:
                await self._reconcile((one,))
            self._writer.release()
        if pending:
            await self._append_scope(reconciling=False)
            self._states.now("reconciled")
        self._skip_replay = False
        self._states.now("connected", since_seq=self._progress.number or 0)

    async def _refused(self, one: str, number: int, pending: bool, scoped: asyncio.Event) -> bool:
        """Hold what comes, and note in Kafka that strategies have to be asked for, where any is known."""
        self._states.now("replay is not available", since_seq=number, warn=True)
        # held from before the subscription: an answer of Get Strategy must not come after what is newer
        self._writer.hold()
        if not pending and not await self._known((one,)):
            return False
        scoped.set()
        await self._append_scope(reconciling=True)
        return True

    async def _subscribe(
        self, line: ClientConnection, acks: asyncio.Queue[Ack], one: str, number: int | None
    ) -> bool:
        """Whether it is on; False where replay is refused. Raises Lost."""
        await line.send(subscribe(one, number))
        try:
            async with asyncio.timeout(self._patience.ack_within):
                while not answers(ack := await acks.get(), one):
                    pass
        except TimeoutError:
            raise Lost("no ack in time") from None
        if not ack.ok and ack.code == REPLAY_UNAVAILABLE and number is not None:
            return False
        if not ack.ok:
            raise Lost(f"the subscription was refused: {(ack.code or 'no code')[:80]}")
        return True

    async def _known(self, subscriptions: tuple[str, ...]) -> list[str]:
        entities = await self._entities() if EVERYTHING in subscriptions else ()
        return reconciliation.known(self._wish.account, entities, self._progress.seen, subscriptions)

    async def _reconcile(self, subscriptions: tuple[str, ...]) -> None:
        """Ask for each strategy, and append the answers before anything that waits. Raises Lost."""
        wish = self._wish
        strategies = await self._known(subscriptions)
        self._states.now("reconciling", strategies=len(strategies))
        for strategy_id in strategies:
            path = strategy_path(strategy_id)
            stamp = self._stamps.next(_now())
            try:
                answer = await self._rest.get(
                    wish.address.rest + path, headers(wish.credentials, stamp, path)
                )
                record = reconciliation.snapshot(strategy_id, answer, self._progress.number, _now())
            except NotThere:
                log.warning("the upstream does not know a strategy", strategy_id=strategy_id)
                continue
            except (NoAnswer, reconciliation.WrongAnswer) as why:
                raise Lost(f"Get Strategy: {why}") from None
            if len(record) > LARGEST:
                log.warning("an answer is too large for a record", strategy_id=strategy_id, bytes=len(record))
                continue
            got = read(record.decode())
            assert isinstance(got, Event)
            await self._writer.append_first(wish.account, [got])

    async def _append_scope(self, *, reconciling: bool) -> None:
        await self._writer.append_first(self._wish.account, [self._scope(reconciling=reconciling)])
        self._progress = replace(self._progress, reconciling=reconciling)

    def _scope(self, *, reconciling: bool = False) -> Event:
        record = reconciliation.scope(self._wish.subscriptions, _now(), reconciling=reconciling)
        return Event(record, None, None, None)


def _now() -> int:
    """Ms since 1970."""
    return time.time_ns() // 1_000_000
