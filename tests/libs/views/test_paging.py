"""A history that is cut off at its front while it is read: what is read has no hole."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

import pytest

from libs.contracts.names import Names
from libs.views import reading
from libs.views.reading import Views

PAGE = 5


def record(sequence: int) -> bytes:
    """As far as reading looks at it."""
    return b'{"previousinputoffset":0,"inputoffset":0,"sequence":%d,"data":{}}' % sequence


class _Redis:
    """A list of records, and what befalls it after each page that is read."""

    def __init__(self, kept: list[bytes], befalls: Callable[[list[bytes]], None]) -> None:
        self.kept = kept
        self._befalls = befalls

    async def lrange(self, _: str, first: int, last: int) -> list[bytes]:
        page = self.kept[first : last + 1]
        self._befalls(self.kept)
        return page


async def _history(kept: list[bytes], befalls: Callable[[list[bytes]], None]) -> list[bytes]:
    redis: Any = _Redis(kept, befalls)
    return await Views(redis, Names()).history("operations", 0, "x")


@pytest.fixture(autouse=True)
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few records make several."""
    monkeypatch.setattr(reading, "_PAGE", PAGE)


def _records(first: int, last: int) -> list[bytes]:
    return [record(sequence) for sequence in range(first, last + 1)]


@pytest.mark.parametrize("length", [*range(PAGE * 2 + 3)])
async def test_of_a_history_that_stays_all_is_read_once(length: int) -> None:
    assert await _history(_records(1, length), lambda _: None) == _records(1, length)


@pytest.mark.parametrize("seed", range(200))
async def test_what_is_cut_off_meanwhile_leaves_no_hole(seed: int) -> None:
    """Each record that comes has the oldest one cut off, at most as many at a time as the history has."""
    rng = Random(seed)
    kept = _records(1, 4 * PAGE)
    busy = rng.randrange(1, 40)
    newest = 4 * PAGE

    def befalls(records: list[bytes]) -> None:
        nonlocal newest, busy
        busy -= 1
        for _ in range(rng.choice((0, 0, 1, 3, 3 * PAGE)) if busy > 0 else 0):
            newest += 1
            records.append(record(newest))
            del records[0]

    found = await _history(kept, befalls)
    beginning = int(found[0].split(b'"sequence":')[1].split(b",")[0])
    assert found == _records(beginning, beginning + len(found) - 1)
    assert len(found) >= 4 * PAGE


async def test_a_history_that_is_made_anew_meanwhile_is_read_anew() -> None:
    """Emptied, or with more of its beginning than before."""
    for anew in ([], _records(1, 30)):
        befalls = iter([anew])

        def befall(records: list[bytes], befalls: Any = befalls) -> None:
            for one in befalls:
                records[:] = one

        assert await _history(_records(11, 30), befall) == anew


async def test_records_that_can_t_be_read_are_left_to_who_follows_the_history() -> None:
    assert await _history([b"x", b"y"] * PAGE, lambda _: None) == [b"x", b"y"] * PAGE
    befalls = iter([0])

    def befall(records: list[bytes]) -> None:
        for at in befalls:
            del records[at]

    assert await _history([b"%d" % n for n in range(12)], befall) == [b"%d" % n for n in range(1, 12)]
