"""The checks are worth something only if they see that a safeguard is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from libs.ledger.aggregate import Aggregate
from tests.libs.runtime.simulation import mutants
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.clock import StandsStill
from tests.libs.runtime.simulation.schedule import AGGREGATES, Unsettled, play
from tests.libs.runtime.simulation.world import Faults

_SEEDS = range(150)  # most are noticed in the first ten
_ROUGH = Faults(crash=0.02, redis_back=0.3, rebuild=0.2)


def _broken(
    seed: int,
    mutate: Callable[[pytest.MonkeyPatch], None] | None = None,
    aggregates: Mapping[str, Aggregate[Any]] = AGGREGATES,
) -> list[str]:
    """The rules that a schedule of a mutant breaks; the judge is never mutated."""
    with pytest.MonkeyPatch.context() as patch:
        if mutate is not None:
            mutate(patch)
        try:
            world = play(seed, _ROUGH, aggregates)
        except (Unsettled, StandsStill) as end:
            return [f"no end: {end!r}"]
    return violations(world, AGGREGATES)


def _first_broken(broken: Callable[[int], list[str]]) -> int:
    for seed in _SEEDS:
        if broken(seed):
            return seed
    pytest.fail(f"nothing was noticed in {len(_SEEDS)} schedules")


@pytest.mark.parametrize("mutate", mutants.MUTANTS, ids=lambda mutate: mutate.__name__)
def test_a_machine_without_this_safeguard_breaks_a_rule(mutate: mutants.Mutate) -> None:
    """And the machine as it is keeps all rules in the very schedule that the mutant fails."""
    seed = _first_broken(lambda seed: _broken(seed, mutate))
    assert _broken(seed) == []


@pytest.mark.parametrize("spoil", mutants.IMPURE, ids=lambda spoil: spoil.__name__)
def test_an_impure_fold_breaks_a_rule(spoil: Callable[[Aggregate[Any]], Aggregate[Any]]) -> None:
    """A fold must not look at a clock, nor at what its process did before."""
    spoiled = {service: spoil(aggregate) for service, aggregate in AGGREGATES.items()}
    seed = _first_broken(lambda seed: _broken(seed, aggregates=spoiled))
    assert _broken(seed) == []
