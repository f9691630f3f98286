"""Traces whose spans stay in this process, to be looked at once they are closed."""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from libs.telemetry.spans import Traces


class Kept(SpanExporter):
    """What was sent."""

    def __init__(self) -> None:
        self.spans: list[ReadableSpan] = []

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        self.spans += spans
        return SpanExportResult.SUCCESS


class Recording:
    """``traces`` to work with, and the spans that ended."""

    def __init__(self, share: float = 1.0) -> None:
        self._kept = Kept()
        self.traces = Traces("test", share, self._kept)

    def spans(self) -> list[ReadableSpan]:
        """All that ended, in that order; no more can be made."""
        self.traces.close()
        return self._kept.spans


def trace_of(span: ReadableSpan) -> str:
    """The id of its trace, as a traceparent has it."""
    return traceparent_of(span).split("-")[1]


def traceparent_of(span: ReadableSpan) -> str:
    """What joins others to it."""
    context = span.get_span_context()
    assert context is not None
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
