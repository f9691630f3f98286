"""The process that a server of the local stack belongs to, where it is to end with one, as with `up`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil


@dataclass(frozen=True, slots=True)
class Owner:
    """A process: its id, and when it began, which tells it from another that has the id by now.

    ``began`` is in ticks since the boot (Linux), which setting the clock does not change, elsewhere in seconds since
    1970.
    """

    pid: int
    began: float

    @classmethod
    def this(cls) -> Self:
        """The process that asks."""
        return cls(os.getpid(), _began(os.getpid()))

    def lives(self) -> bool:
        """Whether it runs still."""
        try:
            ended = psutil.Process(self.pid).status() == psutil.STATUS_ZOMBIE
            return not ended and abs(_began(self.pid) - self.began) < 1
        except psutil.Error:
            return False


def _began(pid: int) -> float:
    try:
        after_the_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]
    except OSError:
        return psutil.Process(pid).create_time()
    return float(after_the_name.split()[19])
