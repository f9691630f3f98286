"""Carrying out what a made-up portfolio manager does: requests to the API, commands to Kafka."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from http import HTTPStatus
from typing import Final, Protocol

import structlog

from libs.ledger.times import rfc3339
from services.simulator.portfolio_stories import (
    Await,
    Cancel,
    Delete,
    Draft,
    Episode,
    Execute,
    PortfolioStory,
    Register,
    Rest,
    Step,
)
from services.simulator.version_commands import cancel, drafted, registered
from services.simulator.versions_client import VersionsClient

_COMMANDS: Final = "versions.in"
_ENDED: Final = frozenset({"COMPLETE", "FAILED", "CANCELLED"})
_LOOK: Final = 1.5  # seconds between two looks at a version
_PATIENCE: Final = 120.0  # seconds for a version to end: perhaps nobody is there who fills orders

log = structlog.get_logger("stratafold.simulator")


class Sends(Protocol):
    """What commands go to."""

    async def send(self, topic: str, key: str, value: bytes) -> None:
        """Append a record. Raises KafkaError."""


class Desk:
    """Works on one strategy; ``ended`` counts the statuses in which versions ended, ``pace`` multiplies pauses."""

    def __init__(
        self,
        client: VersionsClient,
        sends: Sends,
        organization: str,
        strategy_id: str,
        ended: Counter[str],
        pace: float,
    ) -> None:
        self._client = client
        self._sends = sends
        self._organization = organization
        self._strategy_id = strategy_id
        self._ended = ended
        self._pace = pace

    async def live(self, story: PortfolioStory) -> None:
        """Carry out a story until cancelled. Raises KafkaError."""
        for episode in story.episodes():
            await self.carry_out(episode, story)

    async def carry_out(self, episode: Episode, story: PortfolioStory) -> None:
        """Carry out an episode; what came of a step that was refused is nothing to go on from."""
        version_id: str | None = None
        for step in episode.steps:
            version_id = await self._do(step, version_id, story)

    async def _do(self, step: Step, version_id: str | None, story: PortfolioStory) -> str | None:
        """Carry out a step on a version; the version that the next one is about."""
        match step:
            case Rest():
                await asyncio.sleep(step.seconds * self._pace)
            case Register():
                weights = story.weights
                told = registered(
                    step.id, _now(), self._strategy_id, self._organization, step.value, story.cash, weights
                )
                await self._send(told)
            case Draft():
                due = None if step.due is None else _now(step.due * self._pace)
                told = drafted(step.id, _now(), self._strategy_id, step.version_id, dict(step.weights), due)
                await self._send(told)
                return step.version_id
            case Execute():
                answer = await self._client.execute(self._strategy_id, step.weights, step.key)
                if answer.status_code == HTTPStatus.ACCEPTED:
                    return str(answer.json()["data"]["id"])
            case Cancel() if version_id is not None:
                await self._send(cancel(step.id, _now(), self._strategy_id, version_id))
            case Delete() if version_id is not None:
                await self._client.delete(self._strategy_id, version_id)
            case Await() if version_id is not None:
                await self._await(version_id)
            case _:
                pass
        return version_id

    async def _send(self, value: bytes) -> None:
        await self._sends.send(_COMMANDS, self._strategy_id, value)

    async def _await(self, version_id: str) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            await asyncio.sleep(_LOOK * self._pace)
            answer = await self._client.show(self._strategy_id, version_id)
            status = answer.json()["data"]["status"] if answer.is_success else None
            if status in _ENDED:
                self._ended[status] += 1
                return
        log.info("a version has not ended", strategy=self._strategy_id, version=version_id)


def _now(later: float = 0.0) -> str:
    return rfc3339(round((time.time() + later) * 1000))
