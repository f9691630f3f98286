"""The checks are worth something only if they see that a safeguard is missing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from libs.ledger.aggregate import Aggregate
from libs.ledger.records import Folded
from libs.views.memory import MemoryStore
from libs.views.ownership import Ownership
from tests.libs.runtime.simulation import mutants
from tests.libs.runtime.simulation.checks import violations
from tests.libs.runtime.simulation.clock import StandsStill
from tests.libs.runtime.simulation.schedule import AGGREGATES, Unsettled, play
from tests.libs.runtime.simulation.world import Faults

_SEEDS = range(40)
_ROUGH = Faults(crash=0.02, redis_back=0.3)


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


def test_writes_need_no_fence_for_they_are_the_same_whoever_makes_them() -> None:
    """Two workers at once, neither ever refused a write for the other's sake, still break no rule.

    Loads do need it: what another worker has folded further must not be folded again.
    """
    apply = MemoryStore.apply

    async def as_anyone(self: MemoryStore, own: Ownership, folded: Folded, log_offset: int) -> None:
        position = self.keys.position
        present = Ownership(
            position.get("owner", ""), position.get("epoch", ""), own.input_offset, own.log_offset
        )
        await apply(self, present, folded, log_offset)
        own.input_offset, own.log_offset = present.input_offset, present.log_offset

    unfenced = [
        seed
        for seed in range(15)
        if _broken(seed, lambda patch: patch.setattr(MemoryStore, "apply", as_anyone))
    ]
    assert unfenced == []
