"""What a benchmark run found, and what of it was to be reached. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from tests.bench.dashboards import EVENTS, Hour
from tests.bench.executes import Executed
from tests.bench.figures import Target, ratios, spread
from tests.bench.latency import RATE, Latency
from tests.bench.memory import Memory
from tests.bench.recovery import Recovery
from tests.bench.requests import Asked
from tests.bench.streams import CLIENTS, Streamed
from tests.bench.streams import RATE as STREAM_RATE
from tests.bench.throughput import Throughput

NOISY = 0.25  # cores that others had: above it a figure says little
_MEMORY_MB = 300.0
_P99_MS = 60.0
_RECOVERY_S = 3.0
_FRAME_P99_MS = 100.0
_PANEL_P99_MS = 100.0
# What the worker is to have of another subject's rate.
_SHARES = {"plain": 10.0, "pass-through": 1 / 6, "quix-streams": 1.0}


@dataclass
class Report:
    """Everything measured; ``rounds`` is one dict of subjects a round."""

    machine: str
    rounds: list[dict[str, Throughput]] = field(default_factory=list)
    latency: Latency | None = None
    recovery: Recovery | None = None
    memory: Memory | None = None
    streams: list[Streamed] = field(default_factory=list)
    executes: list[Executed] = field(default_factory=list)
    requests: list[Asked] = field(default_factory=list)
    dashboards: Hour | None = None

    def runs(self, subject: str) -> list[Throughput]:
        """All rounds' runs of a subject."""
        return [measured[subject] for measured in self.rounds if subject in measured]

    def rates(self, subject: str) -> list[float]:
        """Inputs a second, round by round."""
        return [run.rate for run in self.runs(subject)]

    def noise(self) -> float:
        """The most cores that others had during a measurement."""
        found = [run.others for measured in self.rounds for run in measured.values()]
        if self.latency:
            found.append(self.latency.others)
        found += [run.others for run in self.streams]
        found += [run.others for run in self.executes]
        found += [run.others for run in self.requests]
        if self.dashboards:
            found.append(self.dashboards.others)
        return max(found, default=0.0)


def targets(report: Report) -> list[Target]:
    """What was to be reached, as far as it was measured; of several rounds the median."""
    found = []
    ours = report.rates("worker")
    for subject, share in _SHARES.items():
        theirs = report.rates(subject)
        if ours and theirs:
            found.append(Target(f"rate to {subject}'s", share, ratios(ours, theirs).median, unit="x"))
    if ours:
        peak = max(run.peak_mb for run in report.runs("worker"))
        found.append(Target("worker's peak memory", _MEMORY_MB, peak, least=False, unit="MB"))
    if report.memory:
        what = f"its memory at {report.memory.executions:,} executions"
        found.append(Target(what, _MEMORY_MB, report.memory.peak_mb, least=False, unit="MB"))
    if report.latency:
        what = f"p99 to event and Redis at {RATE:,}/s"
        found.append(Target(what, _P99_MS, report.latency.both[1], least=False, unit="ms"))
    for run in report.streams:
        if run.server == "this server":
            what = f"p99 log to frame, {CLIENTS} clients of {run.accounts} accounts, {STREAM_RATE:,}/s"
            found.append(Target(what, _FRAME_P99_MS, run.log_p99, least=False, unit="ms"))
    if report.dashboards:
        slowest = max(looked.p99 for looked in report.dashboards.panels)
        what = f"p99 of the slowest panel, an hour of {EVENTS:,} events"
        found.append(Target(what, _PANEL_P99_MS, slowest, least=False, unit="ms"))
    if report.recovery:
        for what, seconds in (
            ("start", report.recovery.start),
            ("kill and start", report.recovery.after_kill),
        ):
            found.append(
                Target(
                    f"ready after {what}, full Redis",
                    _RECOVERY_S,
                    spread(seconds).median,
                    least=False,
                    unit="s",
                )
            )
    return found
