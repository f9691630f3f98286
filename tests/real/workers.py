"""Workers as processes that can be killed, paused and started again; each writes its log lines to a file."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


class WorkerProcess:
    """One worker: ``python -m services.<service>``, or an entry of the tests' own that spoils it.

    It is killed with the tests' process, however that ends, even while it is paused.
    """

    def __init__(self, module: str, environment: Mapping[str, str], log: Path, *words: str) -> None:
        self.log = log
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("STRATAFOLD_")}
        self.log_began = log.stat().st_size if log.exists() else 0
        with log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.cli.leash", str(os.getpid()), module, "KILL", *words],
                cwd=ROOT,
                env={**inherited, "PYTHONPATH": str(ROOT), **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    @property
    def status(self) -> int | None:
        """Its exit status, None while it runs; -9 for one that was killed."""
        return self._process.poll()

    def signal(self, how: signal.Signals) -> None:
        """Send a signal."""
        self._process.send_signal(how)

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._process.kill()
        self._process.wait(10)

    def stop(self, seconds: float = 20) -> int:
        """SIGTERM; the exit status. By force where it takes longer."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGCONT)
            self._process.terminate()
        try:
            return self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(10)
            raise AssertionError(f"the worker did not stop within {seconds} s:\n{self.tail()}") from None

    def stopped(self) -> bool:
        """Whether it is paused by a signal."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        return stat.rpartition(")")[2].split()[0] == "T"

    def wait(self, seconds: float) -> int:
        """Its exit status, once it ended by itself."""
        end = time.monotonic() + seconds
        while (status := self.status) is None:
            assert time.monotonic() < end, f"the worker still runs after {seconds} s:\n{self.tail()}"
            time.sleep(0.05)
        return status

    def tail(self, lines: int = 15) -> str:
        """The last lines that it wrote."""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])


class ConnectorProcess(WorkerProcess):
    """One connector: ``stratafold connect`` with these words."""

    def __init__(self, words: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        super().__init__("services.cli", environment, log, "connect", *words)
