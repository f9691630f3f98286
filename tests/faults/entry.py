"""A worker's entry of the tests' own: one that pauses where others are killed, or lacks one of its safeguards.

STRATAFOLD_TEST_SERVICE names the service, STRATAFOLD_TEST_FREEZE is set for the pause, STRATAFOLD_TEST_MUTANT names
what is taken out.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Any

from libs.ledger.aggregate import Aggregate
from libs.runtime.failpoints import Failpoint
from libs.runtime.process import run_worker
from libs.runtime.worker import Worker
from libs.settings import Settings
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.faults.mutants import MUTANTS


def _pause(failpoint: Failpoint, name: str) -> None:
    """Stop as by Ctrl-Z, where the failpoint would have ended the process."""
    if failpoint.armed(name):
        failpoint._left -= 1
        if failpoint._left == 0:
            os.kill(os.getpid(), signal.SIGSTOP)


def _chosen(service: str, mutant: str) -> Callable[[Settings], Worker[Any]]:
    aggregate: Aggregate[Any] = EXECUTIONS if service == "executions" else OPERATIONS
    if mutant:
        aggregate = MUTANTS[mutant](aggregate)

    def make(settings: Settings) -> Worker[Any]:
        return Worker(aggregate, settings)

    return make


if __name__ == "__main__":
    if os.environ.pop("STRATAFOLD_TEST_FREEZE", ""):
        Failpoint.passed = _pause  # type: ignore[assignment, method-assign]
    service = os.environ.pop("STRATAFOLD_TEST_SERVICE")
    raise SystemExit(run_worker(_chosen(service, os.environ.pop("STRATAFOLD_TEST_MUTANT", ""))))
