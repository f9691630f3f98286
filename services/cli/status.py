"""`stratafold status`: how far each partition is folded, by whom, and what it counted."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from libs.contracts.names import Names
from libs.settings import Settings, load
from services.cli import folds

if TYPE_CHECKING:
    from libs.views.reading import PartitionView

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]

_VERDICTS: Final = {
    "in": "in",
    "applied": "applied",
    "late": "late",
    "duplicate": "dup",
    "conflict": "conflict",
    "ignored": "ignored",
    "quarantined": "dead",
    "forwarded": "fwd",
}


def register(app: typer.Typer) -> None:
    """Add `status`."""
    app.command()(status)


def status(as_json: Json = False) -> None:
    """Show of each service and partition: position, lag, readiness, owner, counters."""
    from services.cli import clients

    settings = load()
    rows = clients.run(_status(settings, folds.running(settings.services)), settings)
    if as_json:
        typer.echo(json.dumps({"services": rows}))
    else:
        _print(rows)


async def _status(settings: Settings, services: tuple[str, ...]) -> dict[str, Any]:
    from aiokafka import TopicPartition

    from libs.views.reading import Views
    from services.cli.clients import bounds, open_consumer, open_redis, partition_counts

    names, rows = Names(settings.namespace), {}
    async with open_redis(settings) as redis, open_consumer(settings) as consumer:
        counts = await partition_counts(settings, [names.topic(f"{service}.in") for service in services])
        for service in services:
            topic = names.topic(f"{service}.in")
            inputs = await bounds(consumer, [TopicPartition(topic, p) for p in range(counts.get(topic, 0))])
            views = await Views(redis, names).partitions(service, range(settings.partitions))
            rows[service] = {
                "topic": topic,
                "topic_exists": topic in counts,
                "partitions": [
                    _row(view, inputs.get(TopicPartition(topic, view.position.partition), (0, 0)))
                    for view in views
                ],
            }
    return rows


def _row(view: PartitionView, inputs: tuple[int, int]) -> dict[str, Any]:
    at = view.position
    return {
        "partition": at.partition,
        "ready": view.ready,
        "lag": at.lag(*inputs),
        "input_offset": at.input_offset,
        "log_offset": at.log_offset,
        "input_end": inputs[1],
        "owner": at.owner,
        "epoch": at.epoch,
        "seen_ms_ago": None if at.seen_at is None else round(time.time() * 1000) - at.seen_at,
        "latency_p50_ms": at.p50_ms,
        "latency_p99_ms": at.p99_ms,
        "counters": dict(view.counters),
        "damaged": view.damaged,
    }


def _print(rows: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from services.cli.text import count

    console = Console(highlight=False)
    for service, row in rows.items():
        table = Table(
            title=f"{service}  ({row['topic']})",
            title_justify="left",
            title_style="bold cyan",
            box=None,
            padding=(0, 1, 0, 0),
        )
        for column in ("p", "ready", "position", "lag", *_VERDICTS.values()):
            table.add_column(column, justify="right", no_wrap=True)
        for one in row["partitions"]:
            counters = one["counters"]
            table.add_row(
                str(one["partition"]),
                Text("yes", style="green") if one["ready"] else Text("no", style="red"),
                str(one["input_offset"]),
                Text(count(one["lag"]), style="yellow" if one["lag"] else ""),
                *(count(counters.get(f"{name}_total", 0)) for name in _VERDICTS),
            )
        console.print(table)
        for one in row["partitions"]:
            if one["damaged"]:
                console.print(Text(f"damaged: {one['damaged']}", style="red"))
        owned: dict[str, list[str]] = {}
        for one in row["partitions"]:
            owned.setdefault(one["owner"] or "nobody", []).append(str(one["partition"]))
        for owner, numbers in owned.items():
            console.print(Text(f"owner of {', '.join(numbers)}: {owner}", style="dim"))
        if not row["topic_exists"]:
            console.print(
                Text(f"topic {row['topic']} does not exist: stratafold topics create", style="yellow")
            )
