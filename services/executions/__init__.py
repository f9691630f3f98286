"""Executions: the share of one participant in an operation (source 003)."""

from __future__ import annotations

from typing import Final

from libs.ledger.aggregate import Aggregate
from services.executions.events import PLAIN, check, identify, observe, validate
from services.executions.model import Execution, derive, evolve, fold, initial, notify, tally
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
    tally=tally,
    render=render,
    restore=restore,
    plain=PLAIN,
    check=check,
    tells=("operations",),
)
