"""The operations worker: its pure middle on the shared machine."""

from __future__ import annotations

from libs.runtime.worker import Worker
from libs.settings import Settings
from services.operations import AGGREGATE
from services.operations.model import Operation


def make_worker(settings: Settings) -> Worker[Operation]:
    """The worker of this service; ``await worker.run()`` gives the exit status."""
    return Worker(AGGREGATE, settings)
