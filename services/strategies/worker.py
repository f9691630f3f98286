"""The strategies worker: its pure middle on the shared machine."""

from __future__ import annotations

from libs.runtime.worker import Worker
from libs.settings import Settings
from services.strategies import AGGREGATE
from services.strategies.model import Strategy


def make_worker(settings: Settings) -> Worker[Strategy]:
    """The worker of this service; ``await worker.run()`` gives the exit status."""
    return Worker(AGGREGATE, settings)
