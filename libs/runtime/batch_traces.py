"""What a partition's batches tell in traces: a span a batch that a sampled input came in, and one an input of those."""

from __future__ import annotations

import time
from collections import defaultdict, deque
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, NamedTuple

from libs.ledger.envelope import Origin, parse_log_record
from libs.ledger.records import Folded, Reading
from libs.telemetry.traces import About, Kind
from libs.telemetry.worker_metrics import STAGES, WorkerMetrics

if TYPE_CHECKING:
    from libs.telemetry.spans import Traces

MOST: Final = 128  # sampled inputs of a batch that are told of; there may be more


class _Told(NamedTuple):
    """A sampled input: the trace that it belongs to, and what became of it."""

    traceparent: str
    about: About


class BatchTraces:
    """A partition's batches on their way. They go through the STAGES in order, one after the other in each."""

    def __init__(self, traces: Traces, origin: Origin, metrics: WorkerMetrics) -> None:
        self._traces = traces
        self._origin = origin
        self._metrics = metrics
        self._where: dict[str, str | int] = {
            "messaging.system": "kafka",
            "messaging.destination.name": origin.topic,
            "messaging.destination.partition.id": str(origin.partition),
            "stratafold.service": origin.service,
        }
        self._times: dict[str, deque[tuple[int, int]]] = defaultdict(deque)
        self._told: deque[list[_Told]] = deque()

    @contextmanager
    def stage(self, name: str) -> Generator[None]:
        """Times a block as one of the STAGES, for the metrics as well."""
        began = time.time_ns()
        with self._metrics.stage(name):
            yield
        self._times[name].append((began, time.time_ns()))

    def folded(self, readings: Iterable[Reading], folded: Folded) -> None:
        """Note the sampled inputs of a batch, whose log records are those of ``folded`` in the same order."""
        sampled = [
            (reading.about, record.value)
            for reading, record in zip(readings, folded.log, strict=True)
            if reading.about.traceparent is not None
        ]
        told = []
        for about, value in sampled[:MOST]:
            assert about.traceparent is not None
            assert value is not None
            more: dict[str, str | int] = {
                "messaging.kafka.offset": about.offset,
                "stratafold.verdict": parse_log_record(value).verdict,
            }
            if about.subject is not None:
                more["stratafold.subject"] = about.subject
            if about.correlation_id is not None:
                more["messaging.message.conversation_id"] = about.correlation_id
            told.append(_Told(about.traceparent, self._where | more))
        self._told.append(told)

    def written(self, verdicts: Mapping[str, int]) -> None:
        """The oldest batch under way took effect; its records by verdict."""
        times = {name: self._times[name].popleft() for name in STAGES}
        told = self._told.popleft()
        if not told:
            return
        began, ended = times[STAGES[0]][0], time.time_ns()
        counts = {f"stratafold.verdict.{name}": count for name, count in verdicts.items() if count}
        batch = self._traces.span(
            f"batch {self._origin.topic}",
            Kind.CONSUMER,
            links=[one.traceparent for one in told],
            began=began,
            about={**self._where, "messaging.batch.message_count": sum(verdicts.values()), **counts},
        )
        for name, (start, end) in times.items():
            batch.part(name, start, end)
        for one in told:
            span = self._traces.span(
                f"process {self._origin.topic}",
                Kind.CONSUMER,
                one.traceparent,
                links=[batch.traceparent],
                began=began,
                about=one.about,
            )
            span.end(ended)
        batch.end(ended)

    def forget(self) -> None:
        """The partition starts again: nothing is under way."""
        self._times.clear()
        self._told.clear()
