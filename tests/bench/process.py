"""A measured program as a process: its log lines with their times, what it uses, its end."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parents[2]
_LOOK = 0.02  # seconds


class BenchFailed(Exception):
    """A measurement that came to nothing, with the reason for whoever ran it."""


class Program:
    """Runs until ``stop``; it says what it does in lines of JSON with ``event`` and ``time``, kept in a file."""

    def __init__(self, argv: Sequence[str], environment: Mapping[str, str], log: Path) -> None:
        self._log = log
        self._read = 0
        self._lines: list[dict[str, Any]] = []
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("STRATAFOLD_")}
        self.started = time.time()
        with log.open("wb") as out:
            self._child = subprocess.Popen(
                argv,
                cwd=ROOT,
                env={**inherited, **environment},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        self.process = psutil.Process(self._child.pid)

    def lines(self, event: str) -> list[dict[str, Any]]:
        """What it said of an event so far."""
        with self._log.open("rb") as log:
            log.seek(self._read)
            for line in log:
                if not line.endswith(b"\n"):
                    break
                self._read += len(line)
                with suppress(ValueError):
                    said = json.loads(line)
                    if isinstance(said, dict):
                        self._lines.append(said)
        return [line for line in self._lines if line.get("event") == event]

    async def wait_for(self, event: str, count: int = 1, seconds: float = 60) -> list[float]:
        """The times (epoch, s) of the first ``count`` lines of an event. Raises BenchFailed."""
        deadline = time.monotonic() + seconds
        while len(said := self.lines(event)) < count:
            self.check()
            if time.monotonic() > deadline:
                raise BenchFailed(f"no {event!r} within {seconds:.0f} s:\n{self.tail()}")
            await asyncio.sleep(_LOOK)
        return [moment(line) for line in said[:count]]

    def check(self) -> None:
        """Raise BenchFailed where it ended by itself."""
        if self._child.poll() is not None:
            raise BenchFailed(f"it ended with status {self._child.returncode}:\n{self.tail()}")

    def tail(self) -> str:
        """Its last lines."""
        return "\n".join(self._log.read_text(errors="replace").splitlines()[-12:])

    def kill(self) -> None:
        """SIGKILL, and wait for the end."""
        self._child.kill()
        self._child.wait()

    def stop(self) -> None:
        """SIGTERM, by force where that takes too long."""
        if self._child.poll() is None:
            self._child.terminate()
            try:
                self._child.wait(20)
            except subprocess.TimeoutExpired:
                self.kill()


def moment(line: Mapping[str, Any]) -> float:
    """When a line was written: seconds since the epoch."""
    return datetime.fromisoformat(line["time"]).timestamp()


def cpu_seconds(process: psutil.Process) -> float:
    """What a process used so far, with what its ended children did (a Redis that rewrites its file has some)."""
    used = process.cpu_times()
    return float(used.user + used.system + used.children_user + used.children_system)


def peak_mb(process: psutil.Process) -> float:
    """The most memory (resident, 10^6 bytes) that it ever had; where the system doesn't tell, what it has now."""
    with suppress(OSError):
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024 / 1e6
    return resident_mb(process)


def resident_mb(process: psutil.Process) -> float:
    """The memory that it has now: resident, 10^6 bytes."""
    return float(process.memory_info().rss / 1e6)


@dataclass(frozen=True)
class Used:
    """CPU seconds since some point: by role, and by all else that runs on this machine."""

    roles: dict[str, float]
    others: float
    wall: float


class Meter:
    """Reads the CPU times of processes by role, and those of the whole machine to see who else was at work."""

    def __init__(self, roles: Mapping[str, psutil.Process]) -> None:
        self._roles = dict(roles)
        self._own = psutil.Process()
        self._before = self._now()

    def used(self) -> Used:
        """What was used since this meter was made."""
        roles, own, busy, at = self._now()
        roles0, own0, busy0, at0 = self._before
        spent = {role: roles[role] - roles0[role] for role in roles}
        others = max(0.0, busy - busy0 - sum(spent.values()) - (own - own0))
        return Used(spent, others, at - at0)

    def _now(self) -> tuple[dict[str, float], float, float, float]:
        machine = psutil.cpu_times()
        busy = sum(machine) - machine.idle - getattr(machine, "iowait", 0.0) - getattr(machine, "guest", 0.0)
        roles = {role: cpu_seconds(process) for role, process in self._roles.items()}
        return roles, cpu_seconds(self._own), busy, time.monotonic()
