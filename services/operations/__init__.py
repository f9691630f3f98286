"""Operations of trade strategies (source 000), with the outcomes of their executions."""

from __future__ import annotations

from typing import Final

from libs.ledger.aggregate import Aggregate
from services.operations.events import PLAIN, check, identify, observe, validate
from services.operations.model import Operation, derive, evolve, fold, initial, notify, tally
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
    tally=tally,
    render=render,
    restore=restore,
    plain=PLAIN,
    check=check,
)
