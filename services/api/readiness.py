"""Whether the partitions of the services that this deployment runs are at work."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from services.api.backend import Backend
from services.api.refusals import unavailable


async def check(backend: Backend, services: Sequence[str]) -> None:
    """Raise Refusal (503) with the partitions that are not ready, where there are any."""
    numbers = range(backend.partitions)
    views = await asyncio.gather(
        *(backend.ask(backend.views.partitions(service, numbers)) for service in services)
    )
    lacking = {
        service: [one.position.partition for one in partitions if not one.ready]
        for service, partitions in zip(services, views, strict=True)
    }
    lacking = {service: partitions for service, partitions in lacking.items() if partitions}
    if lacking:
        said = "; ".join(f"{name} {', '.join(map(str, some))}" for name, some in lacking.items())
        raise unavailable(f"partitions that are not ready: {said}", {"partitions": lacking})
