"""A batch in which a sampled input came is a span; each such input is one in its own trace; others leave nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence

from opentelemetry.sdk.trace import ReadableSpan

from libs.ledger.entity import Entity
from libs.ledger.envelope import Origin
from libs.ledger.intake import read_input
from libs.ledger.partition import PartitionFold
from libs.ledger.records import InputRecord
from libs.runtime.batch_traces import MOST, BatchTraces
from libs.telemetry.worker_metrics import STAGES, WorkerMetrics
from services.executions import AGGREGATE
from services.executions.model import Execution
from services.gateway.examples import EXAMPLES
from tests.libs.ledger.folding import EPOCH_MS
from tests.libs.telemetry.recording import Recording, trace_of, traceparent_of

BODY = EXAMPLES["executions"]["settled"]
ORIGIN = Origin("executions", "executions.in", 0)


def traceparent(number: int) -> str:
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


class Work:
    """A partition's stages, driven by hand."""

    def __init__(self) -> None:
        self.recording = Recording(share=0)
        self.batches = BatchTraces(self.recording.traces, ORIGIN, WorkerMetrics("executions"))
        self._fold = PartitionFold(AGGREGATE, ORIGIN)
        self._entities: dict[str, Entity[Execution]] = {}
        self._offset = 0

    def fold(self, *traceparents: str | None) -> None:
        """Read and fold a batch of equal records, of which some have a traceparent."""
        records = []
        for one in traceparents:
            headers = [] if one is None else [("traceparent", one.encode())]
            value = json.dumps(BODY).encode()
            records.append(InputRecord(self._offset, EPOCH_MS, None, value, list(headers)))
            self._offset += 1
        with self.batches.stage("read"):
            readings = [read_input(AGGREGATE, 0, 1, record) for record in records]
        with self.batches.stage("load"):
            for subject in self._fold.concerned(readings):
                self._entities.setdefault(subject, self._fold.new_entity(subject))
        with self.batches.stage("fold"):
            folded = self._fold.fold(readings, self._entities)
        self.batches.folded(readings, folded)

    def write(self, **verdicts: int) -> None:
        """Let the oldest batch take effect."""
        for name in ("append", "publish", "apply"):
            with self.batches.stage(name):
                pass
        self.batches.written(verdicts)

    def spans(self, name: str) -> list[ReadableSpan]:
        return [span for span in self.recording.spans() if span.name.startswith(name)]


def links(span: ReadableSpan) -> Sequence[str]:
    return [f"{link.context.trace_id:032x}" for link in span.links]


def test_a_sampled_input_is_a_span_of_its_trace_and_its_batch_links_to_it() -> None:
    work = Work()
    work.fold(None, traceparent(7), None)
    work.write(applied=1, duplicate=2)
    (batch,), (one,) = work.spans("batch"), work.spans("process")
    assert links(batch) == [traceparent(7).split("-")[1]] == [trace_of(one)]
    assert links(one) == [trace_of(batch)]
    assert one.parent is not None
    assert f"{one.parent.span_id:016x}" == traceparent(7).split("-")[2]
    assert batch.attributes is not None
    assert batch.attributes["messaging.batch.message_count"] == 3
    assert batch.attributes["stratafold.verdict.applied"] == 1
    assert batch.attributes["stratafold.verdict.duplicate"] == 2
    assert one.attributes is not None
    assert one.attributes["stratafold.subject"] == BODY["id"]
    assert one.attributes["stratafold.verdict"] == "duplicate"
    assert one.attributes["messaging.kafka.offset"] == 1
    assert traceparent_of(one) != traceparent(7)


def test_stages_are_parts_of_their_own_batch_though_the_next_is_folded_meanwhile() -> None:
    work = Work()
    work.fold(traceparent(1))
    work.fold(traceparent(2))
    work.write(applied=1)
    work.write(duplicate=1)
    first, second = work.spans("batch")
    for batch in (first, second):
        parts = [one for one in work.recording.spans() if one.parent == batch.get_span_context()]
        assert [one.name for one in parts] == list(STAGES)
        starts = [one.start_time or 0 for one in parts]
        assert starts == sorted(starts)
        assert batch.start_time == starts[0]
    assert [links(one) for one in (first, second)] == [[f"{number + 1:032x}"] for number in (1, 2)]
    assert (first.start_time or 0) < (second.start_time or 0)


def test_a_batch_without_a_sampled_input_leaves_nothing() -> None:
    work = Work()
    work.fold(None, None)
    work.write(applied=1, duplicate=1)
    assert work.recording.spans() == []


def test_of_very_many_sampled_inputs_some_are_told_of() -> None:
    work = Work()
    work.fold(*(traceparent(number) for number in range(MOST + 20)))
    work.write(applied=1, duplicate=MOST + 19)
    (batch,) = work.spans("batch")
    assert len(batch.links) == len(work.spans("process")) == MOST


def test_a_start_from_the_log_forgets_what_was_under_way() -> None:
    """Else the next batch would be told of with the times and inputs of one that never took effect."""
    work = Work()
    work.fold(traceparent(1))
    work.batches.forget()
    work.fold(traceparent(2))
    work.write(applied=1)
    (batch,) = work.spans("batch")
    assert links(batch) == [traceparent(2).split("-")[1]]
