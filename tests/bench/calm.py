"""Waiting for a machine that others use to be calm."""

from __future__ import annotations

import asyncio
import time

from tests.bench.process import Meter

_BUSY = 0.2  # cores
_LOOK = 3.0  # seconds


async def calm(seconds: float) -> None:
    """Return once others had hardly any CPU for some seconds, or after so many seconds in any case."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        meter = Meter({})
        await asyncio.sleep(_LOOK)
        used = meter.used()
        if used.others / used.wall < _BUSY:
            return
