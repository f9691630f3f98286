"""Whose cancellation is it? Kafka's client hands its own on to whoever awaits it, and takes ours for its own."""

from __future__ import annotations

import asyncio


def heed_cancellation() -> None:
    """Raise CancelledError where this task was cancelled; to be called where a client was closed, or says it was."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
