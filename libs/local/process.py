"""A server process of the local stack: it outlives whoever started it, and is found again by its pid file."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

import psutil

from libs.local.errors import LocalStackError
from libs.local.owner import Owner
from libs.local.ports import HOST, taken

_READY_SECONDS: Final = 60.0
_POLL_SECONDS: Final = 0.05
_GIVING_BACK_SECONDS: Final = 2.0
_LOG_BYTES: Final = 5_000_000
# Options for other people's JVMs would change this one, or print into its log.
_NOT_INHERITED: Final = ("JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH")


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and how to see that it serves.

    `prepare` writes what the program reads and returns its command line, which names a file of this stack's folder and
    so tells it from every other process. `ready` says whether it answers.
    """

    name: str
    port: int
    setting: str
    prepare: Callable[[], list[str]]
    ready: Callable[[], bool]
    stop_seconds: float


def environment() -> dict[str, str]:
    """This process's environment as the stack's programs get it."""
    kept = {name: value for name, value in os.environ.items() if name not in _NOT_INHERITED}
    # Java reads the names of files by the locale; in a plain C locale it finds none that is not ASCII
    return {**kept, "LC_ALL": "C.UTF-8"}


@dataclass(frozen=True, slots=True)
class _Found:
    """The recorded process where it runs; ``owner`` is None where it is to outlive whoever started it."""

    process: psutil.Process
    port: int
    argv: list[str]
    owner: Owner | None


class Server:
    """A program of the local stack, running or not.

    Methods may be called from any process of this user: a lock file keeps two from starting or stopping it at once.
    """

    def __init__(self, program: Program, data: Path) -> None:
        self.name = program.name
        self.port = program.port
        self.address = f"{HOST}:{program.port}"
        self.log = data / "logs" / f"{program.name}.log"
        self._program = program
        self._record = data / "run" / f"{program.name}.json"
        self._child: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """Its process id, None where it does not run."""
        found = self._find()
        return None if found is None else found.process.pid

    @property
    def owner(self) -> Owner | None:
        """The process that is to end it, None where there is none or it does not run."""
        found = self._find()
        return None if found is None else found.owner

    def start(self, owner: Owner | None = None) -> bool:
        """Start it and wait until it serves; False where it ran already. Raises LocalStackError.

        It belongs to ``owner`` then; so does one that ran already, if whom it belonged to is gone.
        """
        with self._locked():
            found = self._find()
            if found is not None:
                if found.port != self.port:
                    raise LocalStackError(
                        f"{self.name} of {self._record.parent.parent} runs already, on port {found.port}, not "
                        f"{self.port}: stop it first (`stratafold local down`) or set {self._program.setting} to "
                        f"{found.port}"
                    )
                self._wait(found.process)
                if found.owner is not None and not found.owner.lives():
                    self._remember(found.process.pid, found.argv, owner)
                return False
            if self._port_stays_taken():
                raise LocalStackError(
                    f"port {self.port} for {self.name} is in use by another program: "
                    f"set {self._program.setting} to a free one"
                )
            self._spawn(owner)
            return True

    def stop(self) -> bool:
        """End it, by force where it takes too long; False where it did not run."""
        return self._end(signal.SIGTERM)

    def kill(self) -> bool:
        """End it at once (SIGKILL), with no chance to tidy up; False where it did not run."""
        return self._end(signal.SIGKILL)

    def _spawn(self, owner: Owner | None) -> None:
        argv = self._program.prepare()
        self.log.parent.mkdir(parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > _LOG_BYTES:
            self.log.replace(self.log.with_suffix(".log.1"))
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment(),
                cwd=self._record.parent,
                start_new_session=True,  # Ctrl-C in a terminal, or the end of who started it, is not meant for it
            )
        try:
            self._remember(self._child.pid, argv, owner)
            self._wait(psutil.Process(self._child.pid))
        except BaseException:
            self._child.kill()
            self._child.wait()
            self._record.unlink(missing_ok=True)
            raise

    def _remember(self, pid: int, argv: list[str], owner: Owner | None) -> None:
        record = {"pid": pid, "port": self.port, "argv": argv, "owner": owner and asdict(owner)}
        fresh = self._record.with_suffix(".new")
        fresh.write_text(json.dumps(record))
        fresh.replace(self._record)

    def _port_stays_taken(self) -> bool:
        """Whether the port is another's; one that was killed a moment ago may still be giving it back."""
        deadline = time.monotonic() + _GIVING_BACK_SECONDS
        while taken(self.port):
            if time.monotonic() > deadline:
                return True
            time.sleep(_POLL_SECONDS)
        return False

    def _wait(self, process: psutil.Process) -> None:
        """Wait until it serves. Raises LocalStackError where it ended instead, or does not answer in time."""
        deadline = time.monotonic() + _READY_SECONDS
        while not self._program.ready():
            if not self._alive(process):
                raise LocalStackError(
                    f"{self.name} ended while it was starting: {self._last_line()} (see {self.log})"
                )
            if time.monotonic() > deadline:
                raise LocalStackError(
                    f"{self.name} does not answer on port {self.port} after {_READY_SECONDS:.0f} s (see {self.log})"
                )
            time.sleep(_POLL_SECONDS)

    def _end(self, how: signal.Signals) -> bool:
        with self._locked():
            found = self._find()
            if found is None:
                return False
            process = found.process
            with suppress(psutil.NoSuchProcess):
                process.send_signal(how)
                process.send_signal(signal.SIGCONT)  # one that is paused would not act on the other before
            if not self._gone(process, self._program.stop_seconds):
                process.kill()
                if not self._gone(process, 10):
                    raise LocalStackError(
                        f"{self.name} (pid {process.pid}) can't be ended, not even by force"
                    )
            self._record.unlink(missing_ok=True)
            return True

    def _gone(self, process: psutil.Process, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self._alive(process):
            if time.monotonic() > deadline:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _alive(self, process: psutil.Process) -> bool:
        if self._child is not None and self._child.pid == process.pid:
            return self._child.poll() is None  # which reaps it, too
        try:
            return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False

    def _find(self) -> _Found | None:
        """The recorded process.

        The process with that id must have the recorded command line, so a stale record never leads to a stranger; its
        start time would say no more, and changes when the clock is set.
        """
        try:
            record = json.loads(self._record.read_text())
            process = psutil.Process(record["pid"])
            if self._alive(process) and process.cmdline() == record["argv"]:
                owner = record.get("owner")
                return _Found(process, record["port"], record["argv"], owner and Owner(**owner))
        except (FileNotFoundError, ValueError, KeyError, TypeError, psutil.Error):
            pass
        return None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        try:
            self._record.parent.mkdir(parents=True, exist_ok=True)
            lock = self._record.with_suffix(".lock").open("w")
        except OSError as error:
            raise LocalStackError(
                f"{self._record.parent} can't be written ({error.strerror}): set STRATAFOLD_DATA to another folder"
            ) from None
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _last_line(self) -> str:
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        told = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("at ")]
        return told[-1][:300] if told else "it said nothing"
