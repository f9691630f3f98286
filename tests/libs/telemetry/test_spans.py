"""Spans join by traceparents, a share of the rest begins a trace, and a collector that is away holds up nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult
from structlog.testing import capture_logs

from libs.contracts.traceparent import sampled
from libs.local.ports import free_port
from libs.telemetry.span_export import Patient
from libs.telemetry.spans import Traces, exporting
from libs.telemetry.traces import Kind
from tests.libs.telemetry.recording import Kept, Recording, trace_of, traceparent_of

REMOTE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_a_span_under_a_traceparent_belongs_to_its_trace() -> None:
    recording = Recording(share=0)  # which is of those that have none
    span = recording.traces.span("work", Kind.CONSUMER, REMOTE, about={"stratafold.partition": 3})
    own = span.traceparent
    span.part("append", 1_000, 3_000)
    span.end()
    part, whole = recording.spans()
    assert own is not None
    assert sampled(own.encode()) == own == traceparent_of(whole)
    assert whole.parent is not None
    assert (trace_of(whole), f"{whole.parent.span_id:016x}") == tuple(REMOTE.split("-")[1:3])
    assert whole.attributes == {"stratafold.partition": 3}
    assert (part.name, part.start_time, part.end_time) == ("append", 1_000, 3_000)
    assert part.parent == whole.get_span_context()
    assert whole.resource.attributes["service.name"] == "stratafold-test"


def test_of_what_has_no_trace_a_share_begins_one() -> None:
    recording = Recording(share=0.25)
    begun = [recording.traces.span("request", Kind.SERVER) for _ in range(2_000)]
    joined = [span.traceparent for span in begun if span.traceparent is not None]
    assert 400 < len(joined) < 600
    assert all(sampled(one.encode()) == one for one in joined)
    for span in begun:
        span.end()
    assert len(recording.spans()) == len(joined)


def test_what_is_linked_to_a_sampled_span_is_sampled() -> None:
    """Of a batch, that is, in which a sampled input came, whatever the share."""
    recording = Recording(share=0)
    recording.traces.span("lonely", Kind.CONSUMER).end()
    recording.traces.span("batch", Kind.CONSUMER, links=[REMOTE, None]).end()
    (batch,) = recording.spans()
    assert batch.name == "batch"
    assert [f"{link.context.trace_id:032x}" for link in batch.links] == [REMOTE.split("-")[1]]


class Deaf(SpanExporter):
    """A collector that takes nothing: at once, or never answering."""

    def __init__(self, hangs: threading.Event | None = None) -> None:
        self._hangs = hangs

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        if self._hangs is not None:
            self._hangs.wait(60)
        return SpanExportResult.FAILURE


def test_a_collector_that_is_away_is_told_of_once_in_a_minute() -> None:
    now = 0.0
    exporter = Patient(Deaf(), "http://collector", lambda: now)
    recording = Recording()
    for _ in range(3):
        recording.traces.span("work", Kind.CONSUMER).end()
    spans = recording.spans()
    with capture_logs() as lines:
        for now in (1.0, 2.0, 60.0, 61.0, 62.0):  # noqa: B007 - the clock reads it
            assert exporter.export(spans) is SpanExportResult.FAILURE
    assert [(line["log_level"], line["spans_lost"]) for line in lines] == [("warning", 3), ("warning", 9)]


def test_what_is_sent_is_not_told_of() -> None:
    with capture_logs() as lines:
        assert Patient(Kept(), "http://collector").export([]) is SpanExportResult.SUCCESS
    assert not lines


def test_a_collector_that_never_answers_holds_up_neither_work_nor_end() -> None:
    hanging = threading.Event()
    traces = Traces("test", 1.0, Deaf(hanging))
    slowest = 0.0
    for _ in range(10_000):  # more than may wait to be sent
        began = time.perf_counter()
        traces.span("work", Kind.CONSUMER).end()
        slowest = max(slowest, time.perf_counter() - began)
    began = time.monotonic()
    traces.close()
    hanging.set()
    assert time.monotonic() - began < 4
    assert slowest < 1


def test_a_collector_that_nobody_runs_costs_the_spans_alone() -> None:
    traces = Traces("test", 1.0, exporting(f"http://127.0.0.1:{free_port()}/v1/traces"))
    traces.span("work", Kind.CONSUMER).end()
    began = time.monotonic()
    with capture_logs() as lines:
        traces.close()
    assert time.monotonic() - began < 4
    assert len(lines) <= 1
