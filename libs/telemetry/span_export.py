"""Sending spans to a collector that may be away: what it does not take is lost, and said once in a while."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Final

import structlog
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

_TELL_AGAIN: Final = 60.0  # seconds

log = structlog.get_logger("stratafold.traces")


class Patient(SpanExporter):
    """Lets OpenTelemetry's exporter send, and speaks for it: that one would log each attempt."""

    def __init__(
        self, exporter: SpanExporter, collector: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        logging.getLogger("opentelemetry.exporter").setLevel(logging.CRITICAL)
        self._exporter = exporter
        self._collector = collector
        self._clock = clock
        self._told: float | None = None
        self._lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Send a batch, or lose it."""
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            return result
        self._lost += len(spans)
        now = self._clock()
        if self._told is None or now - self._told >= _TELL_AGAIN:
            log.warning("traces can't be sent", to=self._collector, spans_lost=self._lost)
            self._told, self._lost = now, 0
        return result

    def shutdown(self) -> None:
        """Give up what is under way."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Nothing waits here."""
        return self._exporter.force_flush(timeout_millis)
