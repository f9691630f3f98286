"""Logs of a process on stderr: coloured lines for a person at a terminal, one JSON object a line for everything else.

Our own loggers (structlog) and those of libraries (logging) go the same way. A secret does not get through: neither a
field whose name speaks of one nor a text that looks like one, tracebacks included.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from libs.telemetry.redaction import redact_fields, redact_text

REPEAT_AFTER: Final = 10.0  # seconds
_LEVELS: Final = {
    "aiokafka": logging.WARNING,
    "faststream": logging.WARNING,
    "uvicorn": logging.WARNING,
    "asyncio": logging.WARNING,
    "httpx": logging.WARNING,
    "websockets": logging.WARNING,
}
_OURS: Final = ("libs", "services", "stratafold")
_REPETITIVE: Final = ("aiokafka", "opentelemetry")


def configure(process: str, stream: TextIO | None = None, level: str = "info") -> None:
    """Send the logs of this process, named in each line, to ``stream`` (stderr); a second call replaces the first.

    ``level`` names the least that is logged.
    """
    stream = sys.stderr if stream is None else stream
    least = getattr(logging, level.upper())
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        _stamp(process),
        _redact,
    ]
    structlog.configure(
        processors=[
            *shared,
            structlog.processors.UnicodeDecoder(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(least),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(stream)
    handler.addFilter(Repeats(_REPETITIVE, REPEAT_AFTER))
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *(_for_people() if stream.isatty() else _for_programs()),
                _redact_line,
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(max(least, logging.INFO))  # what libraries say below that is for those who write them
    for name in _OURS:
        logging.getLogger(name).setLevel(least)
    for name, quiet in _LEVELS.items():
        logging.getLogger(name).setLevel(max(quiet, least))
    logging.captureWarnings(capture=True)


class Repeats(logging.Filter):
    """Lets a line of the named libraries through once in a while, however often a library that retries repeats it."""

    def __init__(
        self, libraries: tuple[str, ...], seconds: float, clock: Callable[[], float] = time.monotonic
    ):
        super().__init__()
        self._libraries = libraries
        self._seconds = seconds
        self._clock = clock
        self._seen: dict[tuple[str, int, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        """Whether this line is from elsewhere, new, or long not seen; what is told apart is where it was written."""
        if record.name.partition(".")[0] not in self._libraries:
            return True
        now = self._clock()
        place = (record.name, record.lineno, record.levelname)
        if now - self._seen.get(place, -self._seconds) < self._seconds:
            return False
        self._seen[place] = now
        return True


def _stamp(process: str) -> Processor:
    def stamp(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["time"] = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
        event["process"] = process
        return event

    return stamp


def _redact(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    own = {name: event.pop(name) for name in ("_record", "_from_structlog", "exc_info") if name in event}
    return {**redact_fields(event), **own}


def _redact_line(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return redact_text(line if isinstance(line, str) else str(line))


def _for_programs() -> list[Processor]:
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(serializer=_json)]


def _json(event: EventDict, **_options: object) -> str:
    first = {
        name: event.pop(name) for name in ("time", "level", "process", "logger", "event") if name in event
    }
    return orjson.dumps({**first, **event}, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def _for_people() -> list[Processor]:
    # a plain traceback: the rich one shows local variables, and with them whatever they hold
    renderer = structlog.dev.ConsoleRenderer(
        timestamp_key="time", exception_formatter=structlog.dev.plain_traceback
    )
    return [renderer]
