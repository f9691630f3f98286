"""Logs are for people at a terminal and for programs elsewhere, and for nobody's secrets."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from libs.telemetry.logs import Repeats, configure
from libs.telemetry.redaction import HIDDEN, redact_fields, redact_text

SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQ"  # what no line may show


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def _leave_logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    ours = {name: logging.getLogger(name).level for name in ("libs", "services", "stratafold")}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, its_own in ours.items():
        logging.getLogger(name).setLevel(its_own)
    logging.captureWarnings(capture=False)
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_elsewhere_each_line_is_one_json_object_whoever_wrote_it() -> None:
    stream = io.StringIO()
    configure("gateway", stream)
    structlog.get_logger("stratafold.gateway").info("kafka is back", after_s=3.5)
    logging.getLogger("uvicorn.error").warning("odd %s", "request")
    ours, theirs = lines(stream)
    assert (ours["process"], ours["level"], ours["event"]) == ("gateway", "info", "kafka is back")
    assert ours["after_s"] == 3.5
    assert str(ours["time"]).endswith("Z")
    assert (theirs["logger"], theirs["level"], theirs["event"]) == ("uvicorn.error", "warning", "odd request")


def test_a_traceback_stays_within_its_line() -> None:
    stream = io.StringIO()
    configure("gateway", stream)
    try:
        raise ValueError(f"redis://:{SECRET}@host:1/0")
    except ValueError:
        structlog.get_logger("x").exception("broke")
    (line,) = lines(stream)
    assert "ValueError: redis://:***@host:1/0" in str(line["exception"])


def test_a_terminal_gets_no_json() -> None:
    stream = Terminal()
    configure("gateway", stream)
    structlog.get_logger("x").warning("kafka is away")
    assert "kafka is away" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_configuring_twice_writes_each_line_once() -> None:
    first, second = io.StringIO(), io.StringIO()
    configure("gateway", first)
    configure("gateway", second)
    logging.getLogger("x").warning("once")
    assert (first.getvalue(), len(lines(second))) == ("", 1)


@pytest.mark.parametrize("stream", [io.StringIO(), Terminal()], ids=["programs", "people"])
def test_no_secret_is_written_by_name_or_by_look(stream: io.StringIO) -> None:
    configure("gateway", stream)
    log = structlog.get_logger("x")
    log.info("started", webhook_secrets=[SECRET], nested={"API-Key": SECRET, "more": [{"token": SECRET}]})
    log.info("started", url=f"redis://user:{SECRET}@host/0", header=f"Bearer {SECRET}", key=f"whsec_{SECRET}")
    log.info(f"signed v1,{'A' * 43}= with whsec_{SECRET}")
    logging.getLogger("x").warning("to %s", f"rediss://:{SECRET}@host/0", extra={"password": SECRET})
    try:
        raise ValueError(f"whsec_{SECRET}")
    except ValueError:
        log.exception("broke")
    assert SECRET not in stream.getvalue()
    assert "A" * 43 not in stream.getvalue()
    assert "host/0" in stream.getvalue()


def test_what_is_no_secret_stays() -> None:
    fields = {"url": "http://host:8001/healthz", "port": 8001, "ids": ["a", "b"]}
    assert redact_fields(fields) == fields
    assert redact_fields({"master_key": 1}) == {"master_key": HIDDEN}
    assert redact_text("v1,short") == "v1,short"


def test_a_library_that_repeats_itself_is_heard_once_in_a_while() -> None:
    now = [0.0]
    repeats = Repeats(("aiokafka",), 10, clock=lambda: now[0])

    def passes(name: str, line: int) -> bool:
        return repeats.filter(logging.LogRecord(name, logging.ERROR, "f", line, "away", None, None))

    assert passes("aiokafka.conn", 1)
    assert not passes("aiokafka.conn", 1)
    assert passes("aiokafka.conn", 2), "another place says something else"
    assert passes("stratafold", 1)
    assert passes("stratafold", 1), "only the libraries that retry are held back"
    now[0] = 10.5
    assert passes("aiokafka.conn", 1)


@pytest.mark.parametrize(
    ("level", "seen"), [("debug", ["a batch", "ready"]), ("info", ["ready"]), ("error", [])]
)
def test_the_level_is_of_our_lines_what_libraries_say_below_info_is_never_seen(
    level: str, seen: list[str]
) -> None:
    stream = io.StringIO()
    configure("executions", stream, level)
    for name in ("libs.runtime.partition", "stratafold.gateway", "services.api"):
        structlog.get_logger(name).debug("a batch")
        structlog.get_logger(name).info("ready")
    logging.getLogger("redis").debug("connected")
    assert [line["event"] for line in lines(stream)] == seen * 3
