"""What is measured: how each subject is started, how it says that it reads, and what it has to write."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.workload import EVENTS_AN_EXECUTION


@dataclass(frozen=True)
class Subject:
    """``first`` is the event of the log line from which the time counts; ``outputs`` records an execution end up in
    ``output``. ``does_all`` claims that it does the worker's work by the contract but for log and Redis: that is tried.
    """

    name: str
    title: str
    argv: tuple[str, ...]
    first: str
    output: str = "executions.events"
    outputs: int = EVENTS_AN_EXECUTION
    writes_redis: bool = False
    does_all: bool = False


# The worker fetches nothing before a partition is ready, so that its time counts from a little before the first read.
WORKER: Final = Subject(
    "worker", "this worker", (sys.executable, "-m", "services.executions"), "ready", writes_redis=True
)
PLAIN: Final = Subject(
    "plain",
    "plain FastStream handler",
    (sys.executable, "-m", "tests.bench.subjects.plain_handler"),
    "first read",
)
PASS_THROUGH: Final = Subject(
    "pass-through",
    "raw FastStream pass-through",
    (sys.executable, "-m", "tests.bench.subjects.pass_through"),
    "first read",
    output="passed.on",
    outputs=2,
)


def quix_streams(python: Path) -> Subject:
    """Quix Streams, run by the interpreter that has it."""
    return Subject(
        "quix-streams",
        "Quix Streams with state",
        (str(python), "-m", "tests.bench.subjects.quix_streams"),
        "first read",
        does_all=True,
    )
