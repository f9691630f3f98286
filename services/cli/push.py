"""`stratafold push TOPIC FILE…|-`: JSON documents to an input topic, each on the partition of its routing key."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR
from typing import IO, TYPE_CHECKING, Annotated, Any, Final

import orjson
import typer

from libs.contracts.names import Names
from libs.contracts.partitions import murmur2
from libs.contracts.strategies import DEFAULT_ACCOUNT
from libs.contracts.versions import INSTRUMENTS
from libs.ledger.fact import Identity
from libs.ledger.invalid import Invalid
from libs.ledger.reading import MAX_BYTES
from libs.ledger.records import Outgoing
from libs.settings import Settings, load
from services.cli import folds
from services.cli.documents import Document, Unreadable, documents, is_cut, pieces
from services.cli.failures import WRONG, Failure

if TYPE_CHECKING:
    from libs.runtime.journal import Journal

Advance = Callable[[int], None]

_KEYED_BY_ID: Final = ("operations", "executions")
_FALLBACK: Final = {"strategies": DEFAULT_ACCOUNT.encode()}  # whose records are, where nobody says
_INSTRUMENTS: Final = INSTRUMENTS.partition(".")[0]
_CHUNK: Final = 2_000  # records sent together
_CHUNK_BYTES: Final = 8 * 1024 * 1024  # or fewer, where they have as much
_LARGEST: Final = 2 * 1024 * 1024  # what an input topic takes; over the caps, a worker refuses it visibly
_LONGEST_KEY: Final = 1024
_TOO_LONG: Final = "longer than any topic takes"
_TOLD: Final = 20  # unreadable documents that are told one by one
_SECONDS: Final = 30.0  # for Kafka to acknowledge a chunk


def register(app: typer.Typer) -> None:
    """Add `push`."""
    app.command()(push)


def push(
    topic: Annotated[
        str,
        typer.Argument(
            metavar="TOPIC", help=f"{', '.join(f'{name}.in' for name in folds.BUILT)}; {INSTRUMENTS}."
        ),
    ],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…|-", help="Files to read; - is standard input.")
    ],
    key: Annotated[
        str | None,
        typer.Option(
            "--key",
            help="The Kafka key of records whose body names none: an agent's id; an account (none: default).",
        ),
    ] = None,
    raw: Annotated[
        bool, typer.Option("--raw", help="Send each line as it is, be it JSON or not: a record a line.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")] = False,
) -> None:
    """Send JSON documents, arrays of them or JSON lines to an input topic, byte for byte.

    Each goes to the partition of its routing key. What is no JSON object or has no key is not sent: the file and line
    are told, the others are sent all the same, and the command ends with status 2.
    """
    service = _service(topic)
    for file in files:
        if str(file) == "-":
            continue
        try:
            is_folder = S_ISDIR(file.stat().st_mode)  # a pipe has no less to be read than a file
        except FileNotFoundError:
            raise Failure(f"{file}: there is no such file") from None
        except OSError as why:
            raise Failure(f"{file}: {why.strerror or why}") from None
        if is_folder:
            raise Failure(f"{file}: that is a folder, not a file")
    if key is not None and not 0 < len(key.encode()) <= _LONGEST_KEY:
        raise Failure(f"--key must have 1 to {_LONGEST_KEY} bytes")
    from services.cli import clients

    settings = load()
    job = _Job(settings, service, key, raw)
    clients.run(job.run(files), settings)
    if as_json:
        told = {"topic": job.topic, "pushed": job.sent, "not_pushed": job.refused}
        typer.echo(orjson.dumps(told).decode())
    else:
        typer.echo(f"{job.sent} record{'' if job.sent == 1 else 's'} pushed to {job.topic}")
    if job.refused:
        typer.echo(f"stratafold: {job.refused} not pushed", err=True)
        raise typer.Exit(WRONG)


def _service(topic: str) -> str:
    service, dot, stream = topic.partition(".")
    if topic in (INSTRUMENTS, _INSTRUMENTS):
        return _INSTRUMENTS
    if service not in folds.BUILT or (dot and stream != "in"):
        inputs = ", ".join(f"{name}.in" for name in folds.BUILT)
        raise Failure(f"{topic!r} is no input topic: {inputs} are (without a namespace, which is a setting)")
    return service


def by_symbol(document: dict[str, Any], _: bytes | None) -> Identity:
    """An instrument is known by its symbol. Raises Invalid."""
    symbol = document.get("symbol")
    if not isinstance(symbol, str) or not symbol:
        raise Invalid("missing_field", "symbol is missing", "/symbol")
    return Identity(symbol, symbol, None)


class _Job:
    """Pushes files in chunks; ``sent`` and ``refused`` count records."""

    def __init__(self, settings: Settings, service: str, key: str | None, raw: bool) -> None:
        self._settings = settings
        self._service = service
        self._key = None if key is None else key.encode()
        self._raw = raw
        self._identify = by_symbol if service == _INSTRUMENTS else folds.aggregate(service).identify
        # no worker judges instruments: what it would refuse as too large is refused here
        self._largest = MAX_BYTES if service == _INSTRUMENTS else _LARGEST
        self.topic = Names(settings.namespace).topic(f"{service}.in")
        self.sent = 0
        self.refused = 0

    async def run(self, files: list[Path]) -> None:
        """Send all. Raises Failure, KafkaError, TimeoutError; a Failure amid it says how many were sent before."""
        from libs.runtime.failpoints import Failpoint
        from libs.runtime.journal import Journal
        from services.cli.clients import KAFKA_FAILURES, kafka_failed, open_producer
        from services.cli.topics import check, ensure

        if self._settings.create_topics:
            await ensure(self._settings, ("versions" if self._service == _INSTRUMENTS else self._service,))
        else:
            await check(self._settings, self.topic)
        names, partitions = Names(self._settings.namespace), self._settings.partitions
        async with open_producer(self._settings) as producer:
            journal = Journal(producer, names, self._service, partitions, Failpoint())
            try:
                with _progress(files) as advance:
                    for chunk in _chunks(self._records(files, advance)):
                        await self._send(journal, chunk)
            except KAFKA_FAILURES as why:
                before = f"{self.sent} were pushed before that, and others may have been"
                raise Failure(f"{kafka_failed(self._settings, why)}; {before}") from None

    async def _send(self, journal: Journal, chunk: list[_Ready]) -> None:
        from libs.runtime.together import together

        places: dict[int, list[_Ready]] = {}
        for one in chunk:
            places.setdefault(one.partition, []).append(one)
        async with asyncio.timeout(_SECONDS):
            await together(*(self._append(journal, number, run) for number, run in places.items()), lesser=())

    async def _append(self, journal: Journal, partition: int, run: list[_Ready]) -> None:
        from aiokafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

        from libs.runtime.journal import PlaceUnknown, ProducerBroken

        try:
            with suppress(PlaceUnknown):  # where they lie matters to nobody here
                await journal.append("in", partition, [one.record for one in run])
        except ProducerBroken as why:
            if not isinstance(why.__cause__, MessageSizeTooLargeError | RecordListTooLargeError):
                raise
            largest = max(run, key=_weight)
            raise ProducerBroken(
                f"{largest.place}: {_weight(largest)} bytes, or what was sent with it, are more than {self.topic} takes"
            ) from why
        self.sent += len(run)

    def _records(self, files: list[Path], advance: Advance) -> Iterator[_Ready]:
        """What is to be sent, in the order of the files."""
        for file in files:
            with ExitStack() as stack:
                stream: IO[bytes] = sys.stdin.buffer if str(file) == "-" else stack.enter_context(_open(file))
                lines = _counted(pieces(stream), advance)
                items = _lines(lines) if self._raw else documents(lines)
                name = "standard input" if str(file) == "-" else file
                for item in items:
                    place = f"{name}:{item.line}"
                    try:
                        yield _Ready(*self._record(item), place)
                    except Invalid as invalid:
                        self._refuse(f"{place}: {invalid.detail}")

    def _record(self, item: Document | Unreadable | Line) -> tuple[int, Outgoing]:
        """Raises Invalid for what can't be pushed."""
        if isinstance(item, Unreadable):
            raise Invalid("not_json", item.why)
        if len(item.value) > self._largest:
            raise Invalid(
                "too_large", f"{len(item.value)} bytes, more than the {self._largest} that {self.topic} takes"
            )
        if isinstance(item, Line):
            key = self._key_of_line(item)
            # without a key it goes anywhere: in turn, as producers do
            partition = item.line % self._settings.partitions if key is None else self._partition(key)
        else:
            key = self._key_of(item.parsed)
            partition = self._partition(key)
        return partition, Outgoing(0, key, item.value)

    def _partition(self, key: bytes) -> int:
        return (murmur2(key) & 0x7FFFFFFF) % self._settings.partitions

    def _key_of(self, document: dict[str, Any]) -> bytes:
        try:
            return self._identify(document, self._key).routing_key.encode()
        except Invalid:
            # an id that is none is for the worker to judge: only what has no key at all can't be sent
            own = document.get("id") if self._service in _KEYED_BY_ID else None
            key = own.encode() if isinstance(own, str) and own.isprintable() else b""
            key = key or self._key or _FALLBACK.get(self._service, b"")
            if not 0 < len(key) <= _LONGEST_KEY:
                raise
            return key

    def _key_of_line(self, item: Line) -> bytes | None:
        try:
            parsed = orjson.loads(item.value)
            return self._key_of(parsed) if isinstance(parsed, dict) else self._key
        except (orjson.JSONDecodeError, Invalid):
            return self._key

    def _refuse(self, text: str) -> None:
        self.refused += 1
        if self.refused <= _TOLD:
            typer.echo(f"stratafold: {text}", err=True)
        elif self.refused == _TOLD + 1:
            typer.echo("stratafold: … and more", err=True)


@dataclass(frozen=True, slots=True)
class _Ready:
    """A record to be sent, and the file and line that it comes from."""

    partition: int
    record: Outgoing
    place: str


def _chunks(records: Iterable[_Ready]) -> Iterator[list[_Ready]]:
    """As many at a time as are sent together."""
    chunk: list[_Ready] = []
    weight = 0
    for one in records:
        chunk.append(one)
        weight += _weight(one)
        if len(chunk) >= _CHUNK or weight >= _CHUNK_BYTES:
            yield chunk
            chunk, weight = [], 0
    if chunk:
        yield chunk


def _weight(one: _Ready) -> int:
    """Bytes."""
    return len(one.record.key or b"") + len(one.record.value or b"")


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a file as it stands, without its end."""

    line: int
    value: bytes


def _lines(found: Iterable[bytes]) -> Iterator[Line | Unreadable]:
    number, goes_on = 0, False
    for piece in found:
        cut = is_cut(piece)
        if not goes_on:
            number += 1
            yield Unreadable(number, _TOO_LONG) if cut else Line(number, piece.removesuffix(b"\n"))
        goes_on = cut


def _open(file: Path) -> IO[bytes]:
    try:
        return file.open("rb")
    except OSError as why:
        raise Failure(f"{file}: {why.strerror}") from None


def _counted(lines: Iterable[bytes], advance: Advance) -> Iterator[bytes]:
    for line in lines:
        advance(len(line))
        yield line


@contextmanager
def _progress(files: list[Path]) -> Iterator[Advance]:
    """A bar over the bytes of the files, where there is a terminal; without an end where standard input is read."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeElapsedColumn

    sizes = [None if str(file) == "-" else file.stat().st_size for file in files]
    total = None if None in sizes else sum(size or 0 for size in sizes)
    console = Console(stderr=True)
    columns = (TextColumn("pushing"), BarColumn(), DownloadColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("pushing", total=total)
        yield lambda length: bar.advance(task, length)
