"""The agents worker: its pure middle on the shared machine, and the clock that it sends itself."""

from __future__ import annotations

from libs.runtime.worker import Worker
from libs.settings import Settings
from services.agents import AGGREGATE
from services.agents.model import Agent


def make_worker(settings: Settings) -> Worker[Agent]:
    """The worker of this service; ``await worker.run()`` gives the exit status."""
    return Worker(AGGREGATE, settings)
