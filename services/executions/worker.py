"""The executions worker: its pure middle on the shared machine."""

from __future__ import annotations

from typing import Final

from libs.ledger.aggregate import Aggregate
from libs.runtime.worker import Worker
from libs.settings import Settings
from services.executions.events import identify, observe, validate
from services.executions.model import Execution, derive, evolve, fold, initial, notify
from services.executions.view import render, restore

AGGREGATE: Final[Aggregate[Execution]] = Aggregate(
    service="executions",
    identify=identify,
    validate=validate,
    observe=observe,
    initial=initial,
    fold=fold,
    evolve=evolve,
    derive=derive,
    notify=notify,
    render=render,
    restore=restore,
    tells=("operations",),
)


def make_worker(settings: Settings) -> Worker[Execution]:
    """The worker of this service; ``await worker.run()`` gives the exit status."""
    return Worker(AGGREGATE, settings)
