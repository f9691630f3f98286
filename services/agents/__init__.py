"""Agents: what a trading agent tells of itself (source 002)."""

from __future__ import annotations

from typing import Final

from libs.ledger.aggregate import Aggregate
from services.agents.clock import WATCH
from services.agents.events import identify, observe, validate
from services.agents.journals import enter
from services.agents.model import Agent, derive, evolve, fold, initial, tally
from services.agents.view import render, restore

AGGREGATE: Final[Aggregate[Agent]] = Aggregate(
    service="agents",
    identify=identify,
    validate=validate,
    observe=observe,
    initial=initial,
    fold=fold,
    evolve=evolve,
    derive=derive,
    render=render,
    restore=restore,
    tally=tally,
    enter=enter,
    watch=WATCH,
    memory=1_000,
    clock="ts",
)
