"""Whether this process makes traces: nothing of OpenTelemetry is even loaded where it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from enum import Enum, auto
from typing import TYPE_CHECKING

from libs.settings import Settings

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

About = Mapping[str, str | int | float]
"""What a span says of what it stands for, by OpenTelemetry's names where it has one."""


class Kind(Enum):
    """What a span stands for: a request, something that is sent, something that is worked off."""

    SERVER = auto()
    PRODUCER = auto()
    CONSUMER = auto()


def open_traces(settings: Settings, process: str) -> Traces | None:
    """Traces of the named process, to be closed at its end; None where STRATAFOLD_TRACES asks for none."""
    if settings.traces is None:
        return None
    from libs.telemetry.spans import Traces, exporting

    return Traces(process, settings.traces_share, exporting(settings.traces))


async def close_traces(traces: Traces | None) -> None:
    """Send what waits, for a moment."""
    if traces is not None:
        await asyncio.to_thread(traces.close)
