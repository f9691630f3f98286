"""The processes of `up`: starting them, seeing them end, ending them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from services.cli.problems import LogTail
from services.cli.roster import Process
from services.cli.supervision import judge

_LOG_BYTES: Final = 5_000_000
_UPSTREAM_SECONDS: Final = 2.0
_POLL: Final = 0.05


class Child:
    """A process to keep running, its log, and what there is to say about it."""

    def __init__(
        self, process: Process, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self.process = process
        self._command = (process.package, *arguments)
        self.name = process.name
        self.log = folder / f"{process.name}.log"
        self.tail = LogTail(process.name, self.log)
        self.restarts = 0
        self.why: str | None = None
        self.given_up = False
        self.ended: set[int] = set()  # the ids of its processes that are gone
        self._environment = environment
        self._popen: subprocess.Popen[bytes] | None = None
        self._started = 0.0
        self._streak = 0
        self._again_at: float | None = 0.0

    @property
    def pid(self) -> int | None:
        """Its process id while it runs."""
        return None if self._popen is None else self._popen.pid

    @property
    def waits(self) -> float:
        """Seconds until it is started again; 0 while it runs, or where it is not."""
        if self._popen is not None or self._again_at is None:
            return 0.0
        return max(0.0, self._again_at - time.monotonic())

    def start(self) -> None:
        """Start it; its output goes to the end of its log."""
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                [sys.executable, "-P", "-m", "services.cli.leash", str(os.getpid()), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=dict(self._environment),
                start_new_session=True,  # Ctrl-C in the terminal is for us alone
            )
        self._started = time.monotonic()
        self.ended.discard(self._popen.pid)

    def look(self) -> str | None:
        """See whether it ended, and start it again once its pause is over; what there is to tell, if anything."""
        if self._popen is not None:
            status = self._popen.poll()
            if status is None:
                return None
            self.ended.add(self._popen.pid)
            self._popen = None
            verdict = judge(status, time.monotonic() - self._started, self._streak)
            self._streak, self.why = verdict.streak, verdict.why
            self.given_up = verdict.pause is None
            self._again_at = None if verdict.pause is None else time.monotonic() + verdict.pause
            pause = "" if verdict.pause is None else f", starts again in {verdict.pause:.1f} s"
            return f"{verdict.why}{pause}"
        if self._again_at is None or time.monotonic() < self._again_at:
            return None
        self._again_at = None
        self.start()
        if self.why is None:
            return f"started (pid {self.pid})"
        self.restarts += 1
        return f"started again (pid {self.pid})"

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to it, if it runs; SIGKILL to whatever it may have started as well."""
        if self._popen is None or self._popen.poll() is not None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                os.killpg(self._popen.pid, number)
            else:
                self._popen.send_signal(number)

    def alive(self) -> bool:
        """Whether it runs still; reaps it where not."""
        return self._popen is not None and self._popen.poll() is None


def stop(children: Sequence[Child], seconds: float, hurry: Callable[[], bool]) -> list[str]:
    """End all, those first that make work for others; the names of those that had to be killed.

    What has not ended after ``seconds``, or once ``hurry`` says so, is killed.
    """
    end = time.monotonic() + seconds
    upstream = [child for child in children if child.process.upstream]
    rest = [child for child in children if not child.process.upstream]
    _ask(upstream)
    _wait(upstream, min(end, time.monotonic() + _UPSTREAM_SECONDS), hurry)
    _ask(rest)
    _wait(children, end, hurry)
    late = [child for child in children if child.alive()]
    for child in late:
        child.signal(signal.SIGKILL)
    _wait(late, time.monotonic() + 1.0, lambda: False)
    return [child.name for child in late]


def _ask(children: Sequence[Child]) -> None:
    for child in children:
        child.signal(signal.SIGTERM)
        child.signal(signal.SIGCONT)  # one that is paused would not act on the other before


def _wait(children: Sequence[Child], end: float, hurry: Callable[[], bool]) -> None:
    while any(child.alive() for child in children) and time.monotonic() < end and not hurry():
        time.sleep(_POLL)
