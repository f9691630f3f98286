"""`stratafold dead list|show|redrive`: the inputs that were refused, why, and how to send them again."""

from __future__ import annotations

import asyncio
import heapq
import json
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from libs.contracts.names import Names
from libs.settings import Settings, load
from services.cli import folds
from services.cli.failures import NOT_FOUND, Failure

if TYPE_CHECKING:
    from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

    from libs.ledger.letters import Letter, Newest, Place, Wanted

    Spans = dict[TopicPartition, tuple[int, int]]

Service = Annotated[
    str | None, typer.Argument(metavar="SERVICE", help=f"{' or '.join(folds.BUILT)}; none: all of them.")
]
Error = Annotated[
    str | None, typer.Option("--error", help="Only those with this error, such as missing_field.")
]
Pointer = Annotated[
    str | None, typer.Option("--pointer", help="Only those whose fault lies there, such as /allocations.")
]
Source = Annotated[
    str | None,
    typer.Option("--source", help="Only those from topic, topic/partition or topic/partition/offset."),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
_NOTHING: Final = "no dead letter is meant: nothing sent"
_LISTED: Final = 50
_CHUNK: Final = 500  # letters sent together
_CHUNK_BYTES: Final = 8 * 1024 * 1024  # or fewer, where they have as much
_SECONDS: Final = 30.0


def register(app: typer.Typer) -> None:
    """Add the group `dead`."""
    group = typer.Typer(no_args_is_help=True, help="The inputs that were refused.")
    group.command("list")(list_letters)
    group.command()(show)
    group.command()(redrive)
    app.add_typer(group, name="dead")


def list_letters(
    service: Service = None,
    error: Error = None,
    pointer: Pointer = None,
    source: Source = None,
    limit: Annotated[
        int | None, typer.Option("--limit", min=0, help="How many at most; 0: all. With --json all, else 50.")
    ] = None,
    as_json: Json = False,
) -> None:
    """List what was refused, newest first: when, from where, the error, the field at fault, and why."""
    from libs.ledger.letters import Wanted
    from services.cli import clients
    from services.cli.letter_print import print_list, summary

    settings = load()
    wanted = Wanted(error, pointer, _in_namespace(settings, source))
    most = limit if limit is not None else 0 if as_json else _LISTED
    found, total = clients.run(_newest(settings, _services(settings, service), wanted, most), settings)
    if as_json:
        typer.echo(json.dumps([summary(one) for one in found]))
    else:
        print_list(found, total)


def show(
    place: Annotated[
        str,
        typer.Argument(
            metavar="PLACE",
            help="topic/partition/offset of the input, or of the letter itself in its .dead topic.",
        ),
    ],
    as_json: Json = False,
) -> None:
    """Show a dead letter whole: why it was refused, its headers and its body, be it text or not.

    Ends with status 1 where there is none.
    """
    from services.cli import clients
    from services.cli.letter_print import print_letter, whole

    settings = load()
    one = clients.run(_one(settings, place), settings)
    if as_json:
        typer.echo(json.dumps(whole(one)))
    else:
        print_letter(one)


def redrive(
    meant: Annotated[
        str | None,
        typer.Argument(
            metavar="SERVICE|PLACE",
            help="A service, or topic/partition/offset of one input or of its letter; none: all services.",
        ),
    ] = None,
    error: Error = None,
    pointer: Pointer = None,
    source: Source = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Don't ask.")] = False,
    as_json: Json = False,
) -> None:
    """Send refused inputs again, as they came, to the topic they came from. The letters stay where they are.

    All of them, or those of a SERVICE, narrowed by --error, --pointer and --source, which go together; or the one of a
    PLACE, such as operations.in/3/17 or operations.dead/3/5. Of equal letters (same service, key, value and headers)
    only the newest is sent: what was sent again and refused again is a new letter, equal to the one before. What was
    folded meanwhile will be a duplicate. Asks first, unless --yes is given; without a terminal --yes is needed.

    Ends with status 1 where a PLACE has none.
    """
    from libs.ledger.letters import Wanted
    from services.cli import clients

    settings = load()
    source = _in_namespace(settings, source)
    place = _place(settings, meant) if meant is not None and "/" in meant else None
    if place is not None:
        services: tuple[str, ...] = (place.service,)
        if source is not None:
            raise Failure(f"either the place {meant} or --source, not both")
        wanted = Wanted(error, pointer, **place.wanted)
    else:
        services, wanted = _services(settings, meant), Wanted(error, pointer, source)
    spans, newest, counted = clients.run(_choose(settings, services, wanted), settings)
    total = sum(counted.values())
    if total and not yes:
        if as_json or not sys.stdin.isatty():
            raise Failure(f"{_told(counted)} would be sent again: say --yes")
        typer.confirm(f"Send {_told(counted)} again?", abort=True)
    sent: Counter[str] = Counter()
    if total:
        sent = clients.run(_send_again(settings, spans, wanted, newest, total), settings)
    if as_json:
        typer.echo(json.dumps({"redriven": sent.total(), "services": dict(sent)}))
    elif sent:
        older = newest.seen - len(newest)
        equal = f"; {older} older equal one{'' if older == 1 else 's'} not" if older else ""
        typer.echo(f"{_told(sent)} sent again{equal}")
    elif place is None:
        typer.echo(_NOTHING)
    if place is not None and not sent:
        raise Failure(_NOTHING, NOT_FOUND)


def _services(settings: Settings, service: str | None) -> tuple[str, ...]:
    return folds.running(settings.services) if service is None else (folds.check_built(service),)


def _in_namespace(settings: Settings, place: str | None) -> str | None:
    from libs.ledger.letters import in_namespace

    return None if place is None else in_namespace(Names(settings.namespace), place)


async def _newest(
    settings: Settings, services: tuple[str, ...], wanted: Wanted, limit: int
) -> tuple[list[Letter], int]:
    """The newest letters that are meant, and how many there are in all."""
    from libs.ledger.letters import Wanted
    from libs.runtime.letters import read

    found = unread = 0
    newest: list[tuple[str, int, Letter]] = []
    async with _spans(settings, services) as (consumer, spans):
        if limit and wanted == Wanted():
            # the newest of all are among the last of each partition: what lies before need not be read
            tails = {tp: (max(begin, end - 2 * limit), end) for tp, (begin, end) in spans.items()}
            unread = sum(tails[tp][0] - spans[tp][0] for tp in spans)
            spans = tails
        async for one in read(consumer, spans):
            if wanted.holds(one):
                found += 1
                entry = (one.at, found, one)
                if limit and len(newest) >= limit:
                    heapq.heappushpop(newest, entry)
                else:
                    heapq.heappush(newest, entry)
    return [entry[2] for entry in sorted(newest, reverse=True)], unread + found


@asynccontextmanager
async def _spans(
    settings: Settings, services: tuple[str, ...]
) -> AsyncIterator[tuple[AIOKafkaConsumer[Any, Any], Spans]]:
    """A consumer, and the partitions of the `.dead` topics from their first to their last letter of now."""
    from aiokafka import TopicPartition

    from services.cli.clients import bounds, open_consumer, partition_counts

    names = Names(settings.namespace)
    async with open_consumer(settings) as consumer:
        counts = await partition_counts(settings, [names.topic(f"{service}.dead") for service in services])
        tps = [TopicPartition(topic, number) for topic, n in counts.items() for number in range(n)]
        yield consumer, await bounds(consumer, tps) if tps else {}


def _place(settings: Settings, typed: str) -> Place:
    """Raises Failure for what is no place."""
    from libs.ledger.letters import place_of

    found = place_of(Names(settings.namespace), typed)
    if found is None:
        raise Failure(f"{typed!r} is no place: topic/partition/offset, such as operations.in/3/17")
    return found


async def _one(settings: Settings, typed: str) -> Letter:
    from libs.ledger.letters import Wanted
    from libs.runtime.letters import read

    place = _place(settings, typed)
    wanted = Wanted(**place.wanted)
    async with _spans(settings, (place.service,)) as (consumer, spans):
        mine = {tp: span for tp, span in spans.items() if tp.partition == place.partition}
        if place.stream == "dead":
            at = place.offset
            mine = {tp: (max(begin, at), min(end, at + 1)) for tp, (begin, end) in mine.items()}
        async for one in read(consumer, mine):
            if wanted.holds(one):
                return one
    raise Failure(f"there is no dead letter of {typed}", NOT_FOUND)


async def _choose(
    settings: Settings, services: tuple[str, ...], wanted: Wanted
) -> tuple[Spans, Newest, Counter[str]]:
    """What was read, the newest of what is meant in it, and how many those are by service: only that is sent again."""
    from libs.ledger.letters import Newest, service_of
    from libs.runtime.letters import read

    newest, counted = Newest(), Counter[str]()
    async with _spans(settings, services) as (consumer, spans):
        async for one in read(consumer, spans):
            if wanted.holds(one) and newest.add(one):
                counted[service_of(one.topic)] += 1
    return spans, newest, counted


async def _send_again(
    settings: Settings, spans: Spans, wanted: Wanted, newest: Newest, total: int
) -> Counter[str]:
    """How many were sent, by service. Raises Failure, which says how many were before it."""
    from services.cli.clients import KAFKA_FAILURES, kafka_failed, open_consumer, open_producer

    sent = Counter[str]()
    async with open_consumer(settings) as consumer, open_producer(settings) as producer:
        try:
            with _progress(total) as advance:
                async for chunk in _chunks(consumer, spans, wanted, newest):
                    await _send(settings, producer, chunk, sent)
                    advance(len(chunk))
        except KAFKA_FAILURES as why:
            before = f"{sent.total()} of {total} were sent again before that, and others may have been"
            raise Failure(f"{kafka_failed(settings, why)}; {before}") from None
    return sent


async def _chunks(
    consumer: AIOKafkaConsumer[Any, Any], spans: Spans, wanted: Wanted, newest: Newest
) -> AsyncIterator[list[Letter]]:
    """What is meant, as much at a time as is sent together."""
    from libs.runtime.letters import read

    chunk: list[Letter] = []
    weight = 0
    async for one in read(consumer, spans):
        if wanted.holds(one) and newest.holds(one):
            chunk.append(one)
            weight += sum(
                len(value or b"") for value in (one.key, one.value, *(value for _, value in one.headers))
            )
        if len(chunk) >= _CHUNK or weight >= _CHUNK_BYTES:
            yield chunk
            chunk, weight = [], 0
    yield chunk


async def _send(
    settings: Settings, producer: AIOKafkaProducer, chunk: list[Letter], sent: Counter[str]
) -> None:
    from libs.runtime.redrive import send_again

    names = Names(settings.namespace)
    async with asyncio.timeout(_SECONDS):
        await send_again(producer, names, settings.partitions, chunk, folds.aggregate, sent)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[int], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console(stderr=True)
    columns = (TextColumn("sending again"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda length: bar.advance(task, length)


def _told(counted: Counter[str]) -> str:
    total = counted.total()
    services = ", ".join(f"{number} of {service}" for service, number in sorted(counted.items()))
    return f"{total} dead letter{'' if total == 1 else 's'} ({services})"
