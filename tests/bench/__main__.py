"""``python -m tests.bench``: measures, prints tables, and with ``--json`` leaves all figures in a file."""

from __future__ import annotations

import argparse
import asyncio
import dataclasses
import json
import logging
import os
import platform
import signal
import sys
from collections.abc import Callable
from itertools import islice, product
from pathlib import Path

import psutil
from rich.console import Console

from libs.local.errors import LocalStackError
from tests.bench import (
    dashboards,
    executes,
    latency,
    memory,
    peers,
    recovery,
    requests,
    same_work,
    streams,
    throughput,
)
from tests.bench.arena import Arena, arena
from tests.bench.calm import calm
from tests.bench.portfolios import POSITIONS
from tests.bench.process import BenchFailed
from tests.bench.report import Report
from tests.bench.servers import SERVERS
from tests.bench.subject import PASS_THROUGH, PLAIN, WORKER, Subject, quix_streams
from tests.bench.table import line, show
from tests.bench.workload import webhooks

_PARTS = (
    "plain",
    "pass-through",
    "quix-streams",
    "worker",
    "latency",
    "recovery",
    "streams",
    "versions",
    "dashboards",
)
_WARM_UP = 10_000  # executions, for a broker that has only just started


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--peers", action="store_true", help="Quix Streams too, in an environment of its own")
    parser.add_argument("--records", type=_even, default=200_000, metavar="N", help="webhooks (200000)")
    parser.add_argument(
        "--plain-records",
        type=_even,
        default=5_000,
        metavar="N",
        help="of them for the plain handler (5000)",
    )
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="of throughput (3)")
    parser.add_argument(
        "--executes",
        type=int,
        default=6_000,
        metavar="N",
        help="versions of 3 positions; a fourth of 50 (6000)",
    )
    parser.add_argument(
        "--requests", type=int, default=1_000, metavar="N", help="of each kind on versions, over HTTP (1000)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=_PARTS, metavar="NAME", help=f"some of: {', '.join(_PARTS)}"
    )
    parser.add_argument(
        "--million", type=int, nargs="?", const=1_000_000, metavar="N", help="memory over N executions, alone"
    )
    parser.add_argument(
        "--calm",
        type=float,
        default=0,
        metavar="S",
        help="before each run wait up to S seconds for others to rest",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there")
    return parser.parse_args()


def _even(text: str) -> int:
    number = int(text)
    if number < 2 or number % 2:
        raise argparse.ArgumentTypeError("must be even, two an execution")
    return number


def _subjects(parts: tuple[str, ...], with_peers: bool) -> list[Subject]:
    """In their order in a round; the worker last, for recovery goes on where it ended."""
    chosen = [subject for subject in (PLAIN, PASS_THROUGH) if subject.name in parts]
    if with_peers and "quix-streams" in parts:
        chosen.append(quix_streams(peers.interpreter()))
    return chosen + ([WORKER] if "worker" in parts else [])


async def _run(
    arguments: argparse.Namespace, subjects: list[Subject], report: Report, console: Console
) -> None:
    parts = tuple(arguments.only or _PARTS)
    this = asyncio.current_task()
    assert this is not None
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, this.cancel
    )  # so that nothing is left running
    sizes = {PLAIN.name: min(arguments.plain_records, arguments.records)}
    for peer in (subject for subject in subjects if subject.does_all):
        alike = await same_work.compare(peer)
        shown = ", ".join(f"{topic} {count:,}" for topic, count in alike.items())
        console.print(
            f"{peer.title} writes what the worker does, over a mixed input: {shown}", highlight=False
        )
    async with arena() as place:
        if arguments.million:
            await calm(arguments.calm)
            report.memory = await memory.measure(place, "million", arguments.million)
            return
        if "latency" in parts:  # first: for minutes after the rounds the disk is busy with what they left
            await calm(arguments.calm)
            report.latency = await latency.measure(place, "latency")
        await _rounds(place, arguments, subjects, sizes, report, console)
        if "recovery" in parts:
            if "worker" not in parts:
                await throughput.measure(place, WORKER, "filled", list(webhooks(arguments.records // 2)))
            last = f"worker{len(report.rounds)}" if "worker" in parts else "filled"
            await calm(arguments.calm)
            report.recovery = await recovery.measure(place, last)
        if "streams" in parts:
            for number, (accounts, server) in enumerate(product(streams.SHAPES, streams.SERVERS)):
                await calm(arguments.calm)
                run = await streams.measure(place, f"streams{number}", server, accounts)
                console.print(f"streams: {run}", highlight=False)
                report.streams.append(run)
        if "versions" in parts:
            await _versions(place, arguments, report, console)
        if "dashboards" in parts:
            await calm(arguments.calm)
            report.dashboards = await asyncio.to_thread(dashboards.measure, place)


async def _versions(place: Arena, arguments: argparse.Namespace, report: Report, console: Console) -> None:
    for positions in POSITIONS:
        count = arguments.executes if positions == min(POSITIONS) else max(1, arguments.executes // 4)
        await calm(arguments.calm)
        executed = await executes.measure(place, f"executes{positions}", positions, count)
        console.print(f"versions: {executed}", highlight=False)
        report.executes.append(executed)
    for number, (positions, server) in enumerate(product(POSITIONS, SERVERS)):
        await calm(arguments.calm)
        asked = await requests.measure(place, f"requests{number}", server, positions, arguments.requests)
        console.print(f"versions: {asked}", highlight=False)
        report.requests.append(asked)


async def _rounds(
    place: Arena,
    arguments: argparse.Namespace,
    subjects: list[Subject],
    sizes: dict[str, int],
    report: Report,
    console: Console,
) -> None:
    if not subjects:
        return
    bodies: Callable[[int], list[bytes]] = lambda count: list(islice(webhooks(count // 2), count))  # noqa: E731
    loads = {count: bodies(count) for count in {sizes.get(s.name, arguments.records) for s in subjects}}
    await throughput.measure(place, PASS_THROUGH, "warm-up", list(webhooks(_WARM_UP)))
    for number in range(1, arguments.rounds + 1):
        measured = {}
        for subject in subjects:
            todo = loads[sizes.get(subject.name, arguments.records)]
            await calm(arguments.calm)
            run = await throughput.measure(place, subject, f"{subject.name}{number}", todo)
            measured[subject.name] = run
            console.print(f"round {number}: {line(run)}", highlight=False)
        report.rounds.append(measured)


def _machine() -> str:
    load = ", ".join(f"{value:.2f}" for value in os.getloadavg())
    memory_gb = psutil.virtual_memory().total / 1e9
    return (
        f"{platform.system()} {platform.machine()}, {psutil.cpu_count()} cores, {memory_gb:.0f} GB,"
        f" Python {platform.python_version()}; load average at the start {load}"
    )


def main() -> int:
    """The exit status: 0, or 1 where nothing could be measured."""
    arguments, console = _arguments(), Console(width=150)
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # it tells of every topic that is only just being made
    report = Report(_machine())
    try:
        subjects = _subjects(tuple(arguments.only or _PARTS), arguments.peers)
        asyncio.run(_run(arguments, subjects, report, console))
    except (BenchFailed, LocalStackError) as why:
        print(f"bench: {why}", file=sys.stderr)
        return 1
    except (KeyboardInterrupt, asyncio.CancelledError):
        print("bench: interrupted", file=sys.stderr)
        return 1
    show(report, subjects, console)
    if arguments.json:
        arguments.json.write_text(json.dumps(dataclasses.asdict(report), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
