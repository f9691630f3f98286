"""A report as tables for a person."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from tests.bench.dashboards import EVENTS
from tests.bench.figures import ratios, spread
from tests.bench.latency import RATE
from tests.bench.report import NOISY, Report, targets
from tests.bench.requests import CLIENTS as CLIENTS_OF_VERSIONS
from tests.bench.requests import WARM
from tests.bench.streams import CLIENTS
from tests.bench.streams import RATE as STREAM_RATE
from tests.bench.subject import Subject
from tests.bench.throughput import Throughput

_HOW = """\
Rate: inputs through, divided by the time from the subject's line that it begins to read to the broker's time of the
last record that it wrote. CPU: µs an input of the processes over that time. An input makes two events, a state and a
notice; worker and plain handler write a log record and the projection in Redis as well, Quix Streams a record of its
state's changelog; the pass-through writes the input alone. Peak: resident memory at its highest. Others: cores that
anything else on this machine had meanwhile. Medians (least–most) of the rounds; ratios are taken within a round."""
_WHEN = (
    "Latency from the broker's time of the input: to its time of the last event that follows, and to the moment that a"
    " reader polling Redis every 2 ms sees the input's position written."
)

_FROM_INPUT = (
    "Time from just before an input is sent to Kafka (from the log: from the time of its log record, which precedes the"
    " derived event) until a client has its frame, over the frames that came. Each"
    " client subscribes to everything of its account: with one account every event is a frame for all. kB a"
    " client: resident memory of the server for a client that is subscribed."
)

_VERSIONS_HOW = """\
Each execution is of a strategy of its own. Through the worker: what lies ready in versions.in, time and CPU as above.
Over HTTP: {clients} clients, each waits for its answer before it asks again, the first {warm} don't count. POST is
answered with the orders, by this API once the worker has folded the command and Redis shows it. The plain handler plans
the same orders and writes the same rows in one transaction of Redis, with no log, and asks nobody who they are."""


def show(report: Report, subjects: list[Subject], console: Console) -> None:
    """Print all that was measured."""
    console.print(f"\n{report.machine}")
    if report.rounds:
        _throughput(report, subjects, console)
    if report.latency:
        _latency(report, console)
    if report.recovery:
        _recovery(report, console)
    if report.memory:
        _memory(report, console)
    if report.streams:
        _streams(report, console)
    if report.executes or report.requests:
        _versions(report, console)
    if report.dashboards:
        _dashboards(report, console)
    _targets(report, console)


def line(run: Throughput) -> str:
    """One run, for whoever waits."""
    cpu = ", ".join(f"{role} {spent:.0f}" for role, spent in run.cpu.items())
    return (
        f"{run.subject}: {run.rate:,.0f}/s ({run.inputs:,} in {run.seconds:.1f} s), CPU µs an input: {cpu},"
        f" peak {run.peak_mb:.0f} MB, others {run.others:.2f} cores"
    )


def _table(title: str, console: Console) -> Table:
    console.print(f"\n[bold]{title}[/]", highlight=False)
    return Table()


def _throughput(report: Report, subjects: list[Subject], console: Console) -> None:
    table = _table(f"Throughput, rounds: {len(report.rounds)}", console)
    table.add_column("subject")
    for head in (
        "inputs",
        "inputs/s",
        "worker µs",
        "broker µs",
        "Redis µs",
        "peak MB",
        "worker's rate",
        "others",
    ):
        table.add_column(head, justify="right")
    for subject in subjects:
        runs = report.runs(subject.name)
        ours, theirs = report.rates("worker"), report.rates(subject.name)
        ratio = ratios(ours, theirs).shown(2) + " x" if ours and subject.name != "worker" else ""
        table.add_row(
            subject.title,
            f"{runs[0].inputs:,}",
            spread(theirs).shown(),
            *(spread(run.cpu[role] for run in runs).shown() for role in ("worker", "broker", "redis")),
            spread(run.peak_mb for run in runs).shown(),
            ratio,
            spread(run.others for run in runs).shown(2),
        )
    console.print(table)
    console.print(_HOW, style="dim", highlight=False)


def _latency(report: Report, console: Console) -> None:
    found = report.latency
    assert found is not None
    table = _table(
        f"Latency at {RATE:,} inputs/s ({found.inputs:,} counted, came at {found.rate:,.0f}/s)", console
    )
    for head in ("ms", "p50", "p99"):
        table.add_column(head, justify="left" if head == "ms" else "right")
    for what, (p50, p99) in (("to event", found.event), ("to Redis", found.redis), ("to both", found.both)):
        table.add_row(what, f"{p50:.0f}", f"{p99:.0f}")
    console.print(table)
    console.print(f"{_WHEN} Others: {found.others:.2f} cores.", style="dim", highlight=False)


def _recovery(report: Report, console: Console) -> None:
    found = report.recovery
    assert found is not None
    table = _table(f"Recovery with {found.inputs:,} inputs folded", console)
    table.add_column("what")
    table.add_column("found", justify="right")
    table.add_row("process start to all partitions ready, s", spread(found.start).shown(1))
    table.add_row("SIGKILL and start at once to all ready, s", spread(found.after_kill).shown(1))
    table.add_row(
        f"{found.refolded:,} records refolded after FLUSHALL, records/s", f"{found.refold_rate:,.0f}"
    )
    console.print(table)


def _memory(report: Report, console: Console) -> None:
    found = report.memory
    assert found is not None
    table = _table(
        f"Memory of the worker over {found.executions:,} executions, peak {found.peak_mb:.0f} MB", console
    )
    for head in ("inputs folded", "resident MB"):
        table.add_column(head, justify="right")
    step = max(1, len(found.samples) // 20)
    for inputs, resident in [*found.samples[:-1:step], found.samples[-1]]:
        table.add_row(f"{inputs:,}", f"{resident:.0f}")
    console.print(table)


def _streams(report: Report, console: Console) -> None:
    table = _table(f"Streams: {CLIENTS} clients, {STREAM_RATE:,} events/s", console)
    table.add_column("server")
    for head in (
        "accounts",
        "p50 ms",
        "p99 ms",
        "from the log p50",
        "p99",
        "frames due",
        "came",
        "kB a client",
        "CPU µs a frame",
        "others",
    ):
        table.add_column(head, justify="right")
    for run in report.streams:
        table.add_row(
            run.server,
            f"{run.accounts}",
            f"{run.p50:,.0f}",
            f"{run.p99:,.0f}",
            f"{run.log_p50:,.0f}",
            f"{run.log_p99:,.0f}",
            f"{run.due:,}",
            f"{run.came:,}",
            f"{run.client_kb:.0f}",
            f"{run.cpu:.1f}",
            f"{run.others:.2f}",
        )
    console.print(table)
    console.print(_FROM_INPUT, style="dim", highlight=False)


def _versions(report: Report, console: Console) -> None:
    through = _table("Versions executed by the worker", console)
    for head in (
        "positions",
        "executes",
        "executes/s",
        "worker µs",
        "broker µs",
        "Redis µs",
        "peak MB",
        "others",
    ):
        through.add_column(head, justify="right")
    for run in report.executes:
        through.add_row(
            f"{run.positions}",
            f"{run.executes:,}",
            f"{run.rate:,.0f}",
            *(f"{run.cpu[role]:,.0f}" for role in ("worker", "broker", "redis")),
            f"{run.peak_mb:.0f}",
            f"{run.others:.2f}",
        )
    console.print(through)
    asked = _table(f"Versions over HTTP, {CLIENTS_OF_VERSIONS} clients", console)
    asked.add_column("server")
    for head in (
        "positions",
        "requests",
        "POST p50 ms",
        "p99",
        "POST/s",
        "GET p50 ms",
        "p99",
        "GET/s",
        "others",
    ):
        asked.add_column(head, justify="right")
    for one in report.requests:
        asked.add_row(
            one.server,
            f"{one.positions}",
            f"{one.requests:,}",
            *(
                text
                for timed in (one.post, one.get)
                for text in (f"{timed.p50:.1f}", f"{timed.p99:.1f}", f"{timed.rate:,.0f}")
            ),
            f"{one.others:.2f}",
        )
    console.print(asked)
    how = _VERSIONS_HOW.format(clients=CLIENTS_OF_VERSIONS, warm=WARM)
    console.print(how, style="dim", highlight=False)


def _dashboards(report: Report, console: Console) -> None:
    found = report.dashboards
    assert found is not None
    table = _table(f"Dashboards over an hour of {EVENTS:,} events, ms", console)
    for head in ("dashboard", "panel", "queries", "entries", "least", "p50", "p99"):
        table.add_column(head, justify="left" if head in {"dashboard", "panel"} else "right")
    for looked in found.panels:
        table.add_row(
            looked.dashboard,
            looked.panel,
            f"{looked.queries}",
            f"{looked.entries:,}",
            f"{looked.least:.1f}",
            f"{looked.p50:.1f}",
            f"{looked.p99:.1f}",
        )
    console.print(table)
    console.print(f"Others: {found.others:.2f} cores.", style="dim", highlight=False)


def _targets(report: Report, console: Console) -> None:
    table = _table("To reach", console)
    for head, justify in (("what", "left"), ("target", "right"), ("found", "right"), ("", "left")):
        table.add_column(head, justify="right" if justify == "right" else "left")
    for target in targets(report):
        bound = "at least" if target.least else "at most"
        verdict = "[green]REACHED[/]" if target.reached else "[red]NOT REACHED[/]"
        table.add_row(
            target.what,
            f"{bound} {target.wanted:.3g} {target.unit}",
            f"{target.found:.3g} {target.unit}",
            verdict,
        )
    console.print(table)
    if report.noise() > NOISY:
        console.print(
            f"[yellow]NOISY: others had up to {report.noise():.2f} cores; these figures are not to be quoted.[/]"
        )
