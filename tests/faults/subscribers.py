"""Clients of ``WS /v1/ws``, each with its own way of listening and leaving; what each was shown, byte for byte."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from tests.faults.account_events import Shown

EVERYTHING: Final = "*"
_PATH: Final = "/v1/ws"
_PATIENCE: Final = 30.0  # seconds that a connection may be silent; a worker's heir comes after 10


@dataclass
class Key:
    """An account's API key; signs each connection at a millisecond of its own, as a signature is good once."""

    id: str
    secret: str
    _last: int = 0

    def auth(self) -> str:
        """The frame ``auth``."""
        self._last = max(self._last + 1, time.time_ns() // 1_000_000)
        signed = f"{self._last}GET{_PATH}".encode()
        signature = hmac.new(self.secret.encode(), signed, hashlib.sha256).hexdigest()
        return json.dumps({"op": "auth", "api_key": self.id, "timestamp": self._last, "signature": signature})


@dataclass(frozen=True, slots=True)
class Manner:
    """How a client listens.

    ``names`` are its subscriptions; it leaves after ``stays`` frames at most, and now and then takes nothing for up to
    ``naps`` seconds.
    """

    names: tuple[str, ...]
    stays: int
    naps: float = 0.0


class Subscriber:
    """One client of an account; ``frames`` are all that the account has, in order.

    ``shown`` counts what it was shown, ``ends`` how its connections ended; ``wrong`` says what it should not have
    been told, and ends it.
    """

    def __init__(
        self, key: Key, manner: Manner, frames: Sequence[Shown], ports: Sequence[int], rng: Random
    ) -> None:
        self.manner = manner
        self.shown = 0
        self.ends: Counter[str] = Counter()
        self.wrong = ""
        self._key, self._ports, self._rng = key, ports, rng
        # what is subscribed to alone comes in its own order, whatever is shown between
        self._everything = EVERYTHING in manner.names
        self._due: dict[str, list[Shown]] = (
            {EVERYTHING: []} if self._everything else {n: [] for n in manner.names}
        )
        for one in frames:
            if (name := self._line(one.strategy_id)) in self._due:
                self._due[name].append(one)
        self._taken = dict.fromkeys(self._due, 0)
        self.wanted = sum(map(len, self._due.values()))

    @property
    def over(self) -> bool:
        """Whether everything was shown, or something was wrong."""
        return bool(self.wrong) or self.shown == self.wanted

    async def follow(self) -> None:
        """Until it is over, on as many connections as that takes."""
        while not self.over:
            try:
                url = f"ws://127.0.0.1:{self._rng.choice(self._ports)}{_PATH}"
                async with connect(url, open_timeout=10, close_timeout=1, max_queue=64) as socket:
                    await self._listen(socket)
                    if self._rng.random() < 0.5:
                        socket.transport.abort()
                self.ends["left"] += 1
            except ConnectionClosed as why:
                self.ends[f"closed {why.rcvd.code}" if why.rcvd else "cut"] += 1
            except InvalidStatus as why:
                self.ends[f"status {why.response.status_code}"] += 1
            except (OSError, WebSocketException, TimeoutError) as why:
                self.ends[type(why).__name__] += 1
            await asyncio.sleep(self._rng.uniform(0, 0.3))

    async def _listen(self, socket: ClientConnection) -> None:
        await socket.send(self._key.auth())
        for name in self.manner.names:
            asked = {"op": "subscribe", "channel": "strategy.status", "id": name}
            await socket.send(json.dumps({**asked, "since_seq": self._since(name)}))
        stays = self._rng.randint(1, self.manner.stays)
        while stays and not self.over:
            async with asyncio.timeout(_PATIENCE):
                text = await socket.recv()
            assert isinstance(text, str)
            frame = json.loads(text)
            if "op" not in frame:
                self._take(frame["strategy_id"], text)
                stays -= 1
            elif not frame["ok"]:
                self.wrong = f"{self.manner.names} is told {text} at {self._taken}"
            if self.manner.naps and self._rng.random() < 0.01:
                await asyncio.sleep(self._rng.uniform(0, self.manner.naps))

    def _line(self, name: str) -> str:
        return EVERYTHING if self._everything else name

    def _since(self, name: str) -> int:
        """The number of the last frame shown that goes by a name."""
        line = self._line(name)
        taken = self._taken[line]
        return self._due[line][taken - 1].seq if taken else 0

    def _take(self, strategy_id: str, text: str) -> None:
        line = self._line(strategy_id)
        due, taken = self._due.get(line, []), self._taken.get(line, 0)
        wanted = due[taken].text if taken < len(due) else "nothing"
        if text != wanted:
            self.wrong = f"{self.manner.names} is shown {text} where {wanted} is due"
            return
        self._taken[line] += 1
        self.shown += 1
