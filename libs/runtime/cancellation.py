"""A cancellation that the client of Kafka swallows: closing, it takes ours for that of what it ends and awaits."""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """Call it after a client was closed or stopped. Raises CancelledError where the task was cancelled meanwhile."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
