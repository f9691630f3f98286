"""A worker that pauses itself (SIGSTOP) where its failpoint would have it killed: the zombie of a chosen moment."""

from __future__ import annotations

import os
import signal

from libs.runtime.failpoints import Failpoint
from libs.runtime.process import run_worker
from tests.faults.entry import chosen


def _passed(failpoint: Failpoint, name: str) -> None:
    if failpoint.armed(name):
        failpoint._left -= 1
        if failpoint._left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)


if __name__ == "__main__":
    Failpoint.passed = _passed  # type: ignore[assignment, method-assign]
    raise SystemExit(run_worker(chosen()))
