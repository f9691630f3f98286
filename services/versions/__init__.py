"""Versions: what a strategy's portfolio is to become, and the orders that bring it there (source 001)."""

from __future__ import annotations

from typing import Final

from libs.ledger.aggregate import Aggregate
from services.versions import strategy
from services.versions.events import identify, observe, validate
from services.versions.model import Version, derive, evolve, fold, initial
from services.versions.strategy import find
from services.versions.view import render, render_strategy, restore, restore_strategy

STRATEGIES: Final[Aggregate[strategy.Strategy]] = Aggregate(
    service="versions",
    identify=identify,
    validate=validate,
    observe=observe,
    initial=strategy.initial,
    fold=strategy.fold,
    evolve=strategy.evolve,
    derive=strategy.derive,
    render=render_strategy,
    restore=restore_strategy,
    extend=strategy.extend,
    clock="ts",
)
AGGREGATE: Final[Aggregate[Version]] = Aggregate(
    service="versions",
    identify=identify,
    validate=validate,
    observe=observe,
    initial=initial,
    fold=fold,
    evolve=evolve,
    derive=derive,
    render=render,
    restore=restore,
    companion=STRATEGIES,
    recollect=strategy.recollect,
    find=find,
    clock="ts",
)
