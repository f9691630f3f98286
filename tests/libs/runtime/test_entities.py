"""What a partition keeps in memory: as little as it may, but never less than what is on its way to Redis."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.entity import Entity
from libs.runtime.entities import EntityCache

_subjects = st.lists(st.sampled_from([f"e{number}" for number in range(12)]), min_size=1, max_size=6)


def _folded(cache: EntityCache[None], subjects: list[str], weight: int = 10) -> list[str]:
    """A batch on these entities; those that had to be loaded for it."""
    missing = cache.missing(subjects)
    for subject in missing:
        cache.add(Entity(subject, None))
    for subject in subjects:
        cache.entities[subject].weight = weight
    cache.trim()
    return missing


@given(st.lists(_subjects, min_size=3, max_size=20), st.integers(0, 8), st.integers(0, 80))
def test_the_entities_of_the_last_two_batches_stay(batches: list[list[str]], limit: int, weight: int) -> None:
    """One is written, one waits to be: Redis would give the past of either."""
    cache: EntityCache[None] = EntityCache(limit, weight)
    for at, subjects in enumerate(batches):
        on_their_way = {subject for batch in batches[max(at - 2, 0) : at] for subject in batch}
        assert not on_their_way & set(_folded(cache, subjects))


@given(st.lists(_subjects, min_size=3, max_size=20), st.integers(0, 8), st.integers(0, 80))
def test_no_more_than_that_stays_where_it_is_too_much(
    batches: list[list[str]], limit: int, weight: int
) -> None:
    """By number and by weight; what is let go of is loaded when it is wanted again."""
    cache: EntityCache[None] = EntityCache(limit, weight)
    for at, subjects in enumerate(batches):
        _folded(cache, subjects)
        on_their_way = {subject for batch in batches[max(at - 1, 0) : at + 1] for subject in batch}
        kept = len(cache.entities)
        assert kept <= max(min(limit, weight // 10), len(on_their_way))


def test_what_was_used_least_recently_goes_first() -> None:
    """Whenever it came."""
    cache: EntityCache[None] = EntityCache(3)
    for subjects in (["a"], ["b"], ["c"], ["a"], ["d"], ["e"]):
        _folded(cache, subjects)
    assert list(cache.entities) == ["a", "d", "e"]
    assert (cache.hits, cache.misses) == (1, 5)


def test_what_grew_is_weighed_anew() -> None:
    """By its weight after the fold, not by that of when it came."""
    cache: EntityCache[None] = EntityCache(10, weight=100)
    for subjects in (["a"], ["b"], ["c"]):
        _folded(cache, subjects)
    _folded(cache, ["c"], weight=95)
    assert list(cache.entities) == ["c"]
