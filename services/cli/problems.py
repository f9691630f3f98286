"""The lines of the processes' logs that a person should see: warnings and worse, and what is no log line at all."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import orjson

from libs.views.printable import printable

_MOST: Final = 256 * 1024  # bytes read at a time; what a burst wrote before that is left aside
_SERIOUS: Final = frozenset({"warning", "error", "critical"})
# What Kafka's client says of its retries is for the log file: what comes of them, our own lines say.
_CLIENTS: Final = frozenset({"aiokafka"})
_BESIDE: Final = frozenset({"time", "level", "process", "logger", "event", "exception", "service", "stack"})


@dataclass(frozen=True, slots=True)
class Problem:
    """A line worth seeing: the process's name, UTC time of day, level, text."""

    process: str
    at: str
    level: str
    text: str


class LogTail:
    """Follows the log of a process from where it ends now."""

    def __init__(self, process: str, file: Path) -> None:
        self._process = process
        self._file = file
        self._at = file.stat().st_size if file.exists() else 0
        self._rest = b""
        self.last: Problem | None = None

    def read(self) -> list[Problem]:
        """What came since the last time."""
        try:
            with self._file.open("rb") as log:
                size = log.seek(0, io.SEEK_END)
                if size < self._at:  # a new file took its place
                    self._at, self._rest = 0, b""
                if size - self._at > _MOST:
                    self._at, self._rest = size - _MOST, b""
                log.seek(self._at)
                content = log.read()
        except FileNotFoundError:
            return []
        self._at += len(content)
        *lines, self._rest = (self._rest + content).split(b"\n")
        found = [one for line in lines if (one := problem(self._process, line)) is not None]
        self.last = found[-1] if found else self.last
        return found


def problem(process: str, line: bytes) -> Problem | None:
    """The problem that a log line tells of, if any."""
    if not line.strip():
        return None
    try:
        entry: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return Problem(process, "", "error", printable(line.decode(errors="replace").rstrip()))
    if not isinstance(entry, dict) or entry.get("level") not in _SERIOUS:
        return None
    if str(entry.get("logger", "")).partition(".")[0] in _CLIENTS:
        return None
    fields = " ".join(f"{name}={value}" for name, value in entry.items() if name not in _BESIDE)
    last = str(entry.get("exception") or "").rstrip().rpartition("\n")[2]
    text = " ".join(part for part in (str(entry.get("event")), fields, last) if part)
    return Problem(process, str(entry.get("time", ""))[11:19], str(entry["level"]), printable(text))
