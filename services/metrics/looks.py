"""What the metrics process counts of itself, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, ProcessCollector

_BUCKETS: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


class Looks:
    """The metrics of one process, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._seconds = Histogram(
            "stratafold_metrics_look_seconds",
            "To look at all partitions and write what was found.",
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self._writing = Gauge(
            "stratafold_metrics_writing",
            "1 in the process that writes, of those that might.",
            registry=self.registry,
        )

    def wrote(self, seconds: float) -> None:
        """Count a look."""
        self._seconds.observe(seconds)

    def watch(self, writing: Callable[[], bool]) -> None:
        """Ask at each scrape who writes."""
        self._writing.set_function(lambda: float(writing()))
