"""Strategies: what an engine tells of the strategies of an account (source 004)."""

from __future__ import annotations

from typing import Final

from libs.ledger.aggregate import Aggregate
from services.strategies import account
from services.strategies.events import identify, observe, validate
from services.strategies.model import Strategy, derive, evolve, fold, initial
from services.strategies.view import render, render_account, restore, restore_account

ACCOUNTS: Final[Aggregate[account.Account]] = Aggregate(
    service="strategies",
    identify=identify,
    validate=validate,
    observe=observe,
    initial=account.initial,
    fold=account.fold,
    evolve=account.evolve,
    derive=account.derive,
    tally=account.tally,
    render=render_account,
    restore=restore_account,
    extend=account.extend,
    memory=1_000,
    clock="ts",
)
AGGREGATE: Final[Aggregate[Strategy]] = Aggregate(
    service="strategies",
    identify=identify,
    validate=validate,
    observe=observe,
    initial=initial,
    fold=fold,
    evolve=evolve,
    derive=derive,
    render=render,
    restore=restore,
    companion=ACCOUNTS,
    memory=1_000,
    clock="ts",
)
