"""What a worker counts of its batches, for Prometheus. A few observations a batch, none a record."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

STAGES: Final = ("read", "load", "fold", "append", "publish", "apply")
"""Of a batch, in their order: inputs parsed and judged, entities asked of Redis, folded; the log appended to, what is
derived published, Redis written."""

_STAGE_BUCKETS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_LATENCY_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 600.0)
_RECOVERY_BUCKETS: Final = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0)

Standing = Mapping[int, tuple[bool, int | None]]
"""Of each partition of ours whether it is ready, and its lag in records; None where the broker has not told."""


class WorkerMetrics:
    """The metrics of one worker, in a registry of their own; all carry the service's name."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        self._service = service
        ProcessCollector(registry=self.registry)
        stages = self._histogram("stage_seconds", "What a batch took in a stage.", _STAGE_BUCKETS, "stage")
        self._stages = {stage: stages.labels(service, stage) for stage in STAGES}
        self._batches = self._counter("batches", "Batches that took effect.")
        records = self._counter("records", "Input records that were folded, by verdict.", "verdict")
        self._records: Callable[[str], Counter] = lambda verdict: records.labels(service, verdict)
        self._events = self._counter("events", "Derived events that were published.")
        self._latency = self._histogram(
            "latency_seconds",
            "From the broker's time stamp to Redis, of each batch's oldest.",
            _LATENCY_BUCKETS,
        )
        self._recovery = self._histogram(
            "recovery_seconds", "From taking a partition to being ready.", _RECOVERY_BUCKETS
        )
        self._lookups = self._counter(
            "entity_lookups", "Entities that batches needed, hit: at hand.", "result"
        )
        self._restarts = self._counter("restarts", "Times a partition began again from its log.", "why")

    def stage(self, name: str) -> AbstractContextManager[object]:
        """Times a block as one of the STAGES."""
        return self._stages[name].time()

    def batch(self, verdicts: Mapping[str, int], events: int, latency: float) -> None:
        """Count a batch that took effect; ``latency`` of its oldest record, in seconds."""
        self._batches.labels(self._service).inc()
        for verdict, count in verdicts.items():
            if count:
                self._records(verdict).inc(count)
        self._events.labels(self._service).inc(events)
        self._latency.labels(self._service).observe(max(0.0, latency))

    def looked_up(self, hits: int, misses: int) -> None:
        """Count the entities of a batch that were at hand, and those that had to be loaded."""
        self._lookups.labels(self._service, "hit").inc(hits)
        self._lookups.labels(self._service, "miss").inc(misses)

    def recovered(self, seconds: float) -> None:
        """A partition was recovered."""
        self._recovery.labels(self._service).observe(seconds)

    def starts_again(self, why: str) -> None:
        """A partition begins again from its log; ``why`` is one of few words."""
        self._restarts.labels(self._service, why).inc()

    def watch(self, standing: Callable[[], Standing]) -> None:
        """Ask at each scrape how the partitions stand."""
        self.registry.register(_Partitions(self._service, standing))

    def _counter(self, name: str, what: str, *labels: str) -> Counter:
        return Counter(f"stratafold_worker_{name}", what, ("service", *labels), registry=self.registry)

    def _histogram(self, name: str, what: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(
            f"stratafold_worker_{name}", what, ("service", *labels), buckets=buckets, registry=self.registry
        )


class _Partitions(Collector):
    """Gauges of the partitions that are ours at the moment."""

    def __init__(self, service: str, standing: Callable[[], Standing]) -> None:
        self._service = service
        self._standing = standing

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Lag and readiness."""
        labels = ("service", "partition")
        lag = GaugeMetricFamily("stratafold_worker_lag", "Input records that are not folded.", labels=labels)
        ready = GaugeMetricFamily("stratafold_worker_ready", "1 where a partition is ready.", labels=labels)
        for number, (is_ready, behind) in sorted(self._standing().items()):
            ready.add_metric((self._service, str(number)), float(is_ready))
            if behind is not None:
                lag.add_metric((self._service, str(number)), behind)
        return lag, ready
