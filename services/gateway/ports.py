"""What the gateway's HTTP side asks of Kafka."""

from __future__ import annotations

from typing import Protocol

from services.gateway.intake import Accepted


class Unavailable(Exception):
    """Kafka did not acknowledge in time, or can't be asked; the text says why. The record may stand nevertheless."""


class Producer(Protocol):
    """Where accepted webhooks go."""

    async def append(self, accepted: Accepted) -> None:
        """Return once all in-sync replicas have the record, within a deadline. Raises Unavailable and nothing else."""

    def obstacle(self) -> str | None:
        """Why an append would fail right now; None where nothing is known to be in the way."""
