"""The executions worker: its pure middle on the shared machine."""

from __future__ import annotations

from libs.runtime.worker import Worker
from libs.settings import Settings
from services.executions import AGGREGATE
from services.executions.model import Execution


def make_worker(settings: Settings) -> Worker[Execution]:
    """The worker of this service; ``await worker.run()`` gives the exit status."""
    return Worker(AGGREGATE, settings)
