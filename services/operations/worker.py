"""The operations worker: its pure middle on the shared machine."""

from __future__ import annotations

from typing import Final

from libs.ledger.aggregate import Aggregate
from libs.runtime.worker import Worker
from libs.settings import Settings
from services.operations.events import identify, observe, validate
from services.operations.model import Operation, derive, evolve, fold, initial, notify
from services.operations.view import render, restore

AGGREGATE: Final[Aggregate[Operation]] = Aggregate(
    service="operations",
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
)


def make_worker(settings: Settings) -> Worker[Operation]:
    """The worker of this service; ``await worker.run()`` gives the exit status."""
    return Worker(AGGREGATE, settings)
