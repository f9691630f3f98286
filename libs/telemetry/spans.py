"""Spans by OpenTelemetry: begun and ended here, sent by a thread of its own, which never holds up the work.

What joins them is the ``traceparent`` that records carry. Beyond the settings of ours those of OpenTelemetry hold, such
as OTEL_EXPORTER_OTLP_HEADERS, OTEL_RESOURCE_ATTRIBUTES and OTEL_BSP_MAX_QUEUE_SIZE.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_ON,
    ParentBased,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from opentelemetry.trace import Link, NonRecordingSpan, SpanContext, SpanKind, TraceFlags, TraceState
from opentelemetry.util.types import Attributes

from libs.telemetry.span_export import Patient
from libs.telemetry.traces import About, Kind

_SEND_WITHIN: Final = 5.0  # seconds for a batch of spans, with what is tried again
_LAST_SPANS: Final = 2.0  # seconds for what waits once a process ends


class Span:
    """One under way."""

    def __init__(self, span: trace.Span, tracer: trace.Tracer) -> None:
        self._span = span
        self._tracer = tracer

    @property
    def traceparent(self) -> str | None:
        """What joins others to it; None where it is not sampled, and nobody is to join."""
        context = self._span.get_span_context()
        if not context.trace_flags.sampled:
            return None
        return f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"

    def rename(self, name: str) -> None:
        """Give it the name that is known only now."""
        self._span.update_name(name)

    def tell(self, about: About) -> None:
        """Say more of what it stands for."""
        self._span.set_attributes(about)

    def fail(self, why: str) -> None:
        """Say that it went wrong."""
        self._span.set_status(trace.StatusCode.ERROR, why)

    def part(self, name: str, began: int, ended: int) -> None:
        """A span within, which is over; times in ns since 1970."""
        within = trace.set_span_in_context(self._span, Context())
        self._tracer.start_span(name, within, start_time=began).end(ended)

    def end(self, at: int | None = None) -> None:
        """End it, now or at a time in ns since 1970; it is sent some seconds later."""
        self._span.end(at)


class Traces:
    """What one process tells of its work. ``share`` of what belongs to no trace yet begins one."""

    def __init__(self, process: str, share: float, exporter: SpanExporter) -> None:
        resource = Resource.create({SERVICE_NAME: f"stratafold-{process}"})
        sampler = ParentBased(_Joining(share))
        # its own way of ending with the process could take half a minute
        self._provider = TracerProvider(sampler, resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self._tracer = self._provider.get_tracer("stratafold")

    def span(
        self,
        name: str,
        kind: Kind,
        parent: str | None = None,
        *,
        links: Iterable[str | None] = (),
        began: int | None = None,
        about: About | None = None,
    ) -> Span:
        """Begin a span, under the sampled ``parent`` or as the first of a trace; ``began`` in ns since 1970."""
        context = Context()
        if parent is not None:
            context = trace.set_span_in_context(NonRecordingSpan(_context(parent)), context)
        linked = [Link(_context(link)) for link in links if link is not None]
        begun = self._tracer.start_span(name, context, SpanKind[kind.name], about, linked, began)
        return Span(begun, self._tracer)

    def close(self) -> None:
        """Send what waits, for some seconds; what is not gone by then is lost."""
        ending = threading.Thread(target=self._provider.shutdown, daemon=True)
        ending.start()
        ending.join(_LAST_SPANS)


class _Joining(Sampler):
    """What is linked to a sampled span is sampled; of the rest a share."""

    def __init__(self, share: float) -> None:
        self._share = TraceIdRatioBased(share)

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        joins = any(link.context.trace_flags.sampled for link in links or ())
        sampler = ALWAYS_ON if joins else self._share
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links, trace_state)

    def get_description(self) -> str:
        return f"joining, else {self._share.get_description()}"


def exporting(collector: str) -> SpanExporter:
    """Sends spans to a collector's URL."""
    return Patient(OTLPSpanExporter(collector, timeout=_SEND_WITHIN), collector)


def _context(traceparent: str) -> SpanContext:
    """Of a traceparent that is known to be well formed."""
    _, trace_id, span_id, flags = traceparent.split("-")
    return SpanContext(int(trace_id, 16), int(span_id, 16), True, TraceFlags(int(flags, 16)))
