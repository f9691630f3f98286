"""What `up` prints where there is no terminal: a line for each thing that happens, a line a service now and then."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Final

import typer

from libs.views.figures import VERDICTS, Figures
from services.cli.problems import Problem
from services.cli.screen import Scene
from services.cli.text import latency, rate

_EVERY: Final = 5.0  # seconds between two summaries


class PlainView:
    """Prints lines."""

    def __init__(self) -> None:
        self._summed = 0.0
        self._placed = False

    def __enter__(self) -> PlainView:
        self._summed = time.monotonic()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def tell(self, one: Problem) -> None:
        """Print what happened."""
        _say(one.process, one.text if one.level == "info" else f"{one.level}: {one.text}")

    def draw(self, scene: Scene) -> None:
        """Print the addresses once, and a summary now and then."""
        if not self._placed:
            self._placed = True
            for name, address in (*scene.servers, *scene.addresses):
                _say(name.lower(), address)
        if time.monotonic() - self._summed < _EVERY:
            return
        self._summed = time.monotonic()
        for name, away in (("kafka", scene.seen.kafka_away), ("redis", scene.seen.redis_away)):
            if away:
                _say(name, f"warning: does not answer ({away})")
        for row in scene.seen.figures:
            _say(row.service, summary(row))


def _say(process: str, text: str) -> None:
    at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    typer.echo(f"{at} {process:<12} {text}")


def summary(row: Figures) -> str:
    """A service in a line."""
    lag = "?" if row.lag is None else str(row.lag)
    verdicts = " ".join(f"{name}={row.total(f'{name}_total')}" for name in VERDICTS)
    return (
        f"ready={row.ready}/{row.partitions} in/s={rate(row.rate)} lag={lag} entities={row.total('entities')}"
        f" {verdicts} events={row.total('events_total')} p50={latency(row.p50_ms)} p99={latency(row.p99_ms)}"
    )
