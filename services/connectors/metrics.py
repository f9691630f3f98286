"""What a connector counts of what it hands on, for Prometheus."""

from __future__ import annotations

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector

_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


class ConnectorMetrics:
    """The metrics of one connector, in a registry of their own; all carry the name of the service it feeds."""

    def __init__(self, service: str) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._records = Counter(
            "stratafold_connector_records",
            "Records that all in-sync replicas have.",
            ("service",),
            registry=self.registry,
        ).labels(service)
        self._seconds = Histogram(
            "stratafold_connector_append_seconds",
            "Until they had them, once for what was appended together.",
            ("service",),
            buckets=_BUCKETS,
            registry=self.registry,
        ).labels(service)

    def appended(self, records: int, seconds: float) -> None:
        """Count what was appended."""
        self._records.inc(records)
        self._seconds.observe(seconds)
