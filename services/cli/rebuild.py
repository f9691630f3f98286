"""`stratafold rebuild SERVICE`: Redis made anew from the log, with nothing published again."""

from __future__ import annotations

import gc
import json
import logging
import time
from typing import TYPE_CHECKING, Annotated

import typer

from libs.contracts.names import Names
from libs.settings import Settings, load
from services.cli import folds
from services.cli.failures import Failure

if TYPE_CHECKING:
    from libs.runtime.rebuild import Rebuilt

_SHORT = 1
_STUCK = 3

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def register(app: typer.Typer) -> None:
    """Add the command `rebuild`."""
    app.command()(rebuild)


def rebuild(
    service: Annotated[str, typer.Argument(metavar="SERVICE", help=f"{' or '.join(folds.BUILT)}.")],
    as_json: Json = False,
) -> None:
    """Make Redis anew from the service's log, and publish nothing again.

    The worker may run: it is kept out until Redis equals the log, and goes on by itself. Also the way to accept that
    Kafka lost records that Redis has. Ends with status 1 where a worker that was stopped amid a batch left something to
    be published first: Redis has what comes before, and a worker does the rest as it starts; with 2 where a partition
    can't be rebuilt, once the others are.
    """
    from services.cli import clients

    folds.check_built(service)
    settings = load()
    _quieten()
    gc.set_threshold(50_000, 20, 50)  # entities come and go in bulk: looking at them often is in vain
    began = time.monotonic()
    partitions = clients.run(_rebuild(settings, service, as_json), settings)
    seconds = time.monotonic() - began
    records = sum(partition.records for partition in partitions)
    short = [one for one in partitions if not one.complete]
    if as_json:
        shown = [
            {
                "partition": one.partition,
                "log_records": one.records,
                "input_offset": one.input_offset,
                "complete": one.complete,
            }
            for one in partitions
        ]
        typer.echo(json.dumps({"service": service, "seconds": round(seconds, 3), "partitions": shown}))
    else:
        for one in short:
            upto = f"up to input offset {one.input_offset}" if one.input_offset >= 0 else "nothing yet"
            typer.echo(f"partition {one.partition}: {upto}; a worker has to publish the rest")
        outcome = "Redis is as the log says" if not short else "Redis lacks what was not published"
        typer.echo(
            f"{service}: {outcome}, {records:,} log records in {len(partitions)} partitions, {seconds:.1f} s"
        )
    if short:
        raise typer.Exit(_SHORT)


async def _rebuild(settings: Settings, service: str, quiet: bool) -> list[Rebuilt]:
    from libs.runtime.kafka_access import KafkaAccess
    from libs.runtime.patience import Stuck
    from libs.runtime.rebuild import Interrupted, Rebuild
    from libs.runtime.recovery import DamagedLog
    from libs.views.ownership import PositionDamaged
    from services.cli import clients
    from services.cli.progress import Bar
    from services.cli.topics import check

    names = Names(settings.namespace)
    log = names.topic(f"{service}.log")
    await check(settings, log)
    async with clients.open_redis(settings) as redis:
        with Bar(f"rebuild {service}", "log records", quiet) as bar:
            bar.expect(await _length(settings, log))
            rebuilding = Rebuild(
                folds.aggregate(service), names, KafkaAccess.of(settings), redis, settings.history, bar.done
            )
            try:
                return await rebuilding.run(settings.partitions)
            except (DamagedLog, Interrupted, PositionDamaged) as why:
                raise Failure(_said(why)) from None
            except Stuck as why:
                raise Failure(_said(why), status=_STUCK) from None


def _said(why: Exception) -> str:
    return "; ".join((str(why), *getattr(why, "__notes__", ())))


async def _length(settings: Settings, topic: str) -> int:
    """How many records a topic holds, about."""
    from aiokafka import TopicPartition

    from services.cli import clients

    async with clients.open_consumer(settings) as consumer:
        places = [TopicPartition(topic, number) for number in range(settings.partitions)]
        return sum(end - begin for begin, end in (await clients.bounds(consumer, places)).values())


def _quieten() -> None:
    """Leave of the runtime's lines those that a person must see."""
    import structlog

    from libs.telemetry.logs import configure

    configure("rebuild")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
