"""What Prometheus is told of a worker; each test is named for the rule that it guards."""

from __future__ import annotations

from prometheus_client import generate_latest

from libs.telemetry.worker_metrics import STAGES, WorkerMetrics


def _value(metrics: WorkerMetrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, {"service": "operations", **labels})


def test_every_stage_is_there_before_anything_came() -> None:
    """A rate of something that never was is 0, and not missing."""
    metrics = WorkerMetrics("operations")
    counts = [_value(metrics, "stratafold_worker_stage_seconds_count", stage=stage) for stage in STAGES]
    assert counts == [0.0] * len(STAGES)


def test_a_batch_is_counted_by_verdict_and_timed_by_stage() -> None:
    """Verdicts that did not occur make no series."""
    metrics = WorkerMetrics("operations")
    for _ in range(2):
        with metrics.stage("fold"):
            pass
        metrics.batch({"applied": 3, "late": 0}, 5, 0.2)
    assert _value(metrics, "stratafold_worker_batches_total") == 2
    assert _value(metrics, "stratafold_worker_records_total", verdict="applied") == 6
    assert _value(metrics, "stratafold_worker_records_total", verdict="late") is None
    assert _value(metrics, "stratafold_worker_events_total") == 10
    assert _value(metrics, "stratafold_worker_stage_seconds_count", stage="fold") == 2
    assert _value(metrics, "stratafold_worker_latency_seconds_sum") == 0.4


def test_a_stage_that_fails_is_timed_all_the_same() -> None:
    """What hangs until its deadline is what one wants to see."""
    metrics = WorkerMetrics("operations")
    try:
        with metrics.stage("apply"):
            raise TimeoutError
    except TimeoutError:
        pass
    assert _value(metrics, "stratafold_worker_stage_seconds_count", stage="apply") == 1


def test_partitions_are_asked_for_at_a_scrape() -> None:
    """Those that went to another worker are gone, and a lag that nobody knows is not 0."""
    metrics = WorkerMetrics("operations")
    standing: dict[int, tuple[bool, int | None]] = {0: (True, 7), 1: (False, None)}
    metrics.watch(lambda: standing)
    assert _value(metrics, "stratafold_worker_lag", partition="0") == 7
    assert _value(metrics, "stratafold_worker_lag", partition="1") is None
    assert _value(metrics, "stratafold_worker_ready", partition="1") == 0
    del standing[0]
    assert b'stratafold_worker_lag{partition="0"' not in generate_latest(metrics.registry)
