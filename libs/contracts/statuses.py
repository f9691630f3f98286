"""The statuses that entities have (000, 001, 003, 004), in the order in which they are shown."""

from __future__ import annotations

from typing import Final

STATUSES: Final = {
    "operations": ("validating", "pricing", "settling", "settled", "skipped", "failed"),
    "executions": ("awaiting_execution", "settled", "skipped", "rejected"),
    "versions": (
        "SCHEDULED",
        "PENDING",
        "CREATING_ORDERS",
        "IN_PROGRESS",
        "CANCELLED",
        "COMPLETE",
        "FAILED",
    ),
    "strategies": ("deployed", "paused", "error"),
}
"""By service; of each there is an index in Redis, and a field of ``m:<service>:status``."""
