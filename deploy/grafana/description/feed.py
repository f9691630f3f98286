"""The table of the latest derived events, which stands on several dashboards."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from grafana_foundation_sdk.models.dashboard import Panel

from deploy.grafana.description.panels import Figure, listing
from deploy.grafana.description.queries import TIME, latest
from libs.contracts import monitoring

_ENTRIES: Final = 1_000  # as many as are kept of all services together

_COLUMNS: Final = {
    TIME: "When",
    "service": "Service",
    "type": "Event",
    "subject": "Of",
    "summary": "What happened",
}


def feed(*services: str) -> Panel:
    """Of these services, or of all."""
    query = latest(monitoring.FEED, _ENTRIES)
    return listing(
        "Latest events",
        "What happened last, the newest first. When much happens at once, only the latest of each partition is here.",
        [Figure(query, column, label) for column, label in _COLUMNS.items()],
        _of(services),
    )


def _of(services: Sequence[str]) -> dict[str, Sequence[str]]:
    return {"service": services} if services else {}
