"""`stratafold dead redrive` where nothing is to be sent again, and how much it sends together; no server is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import pytest

from libs.ledger.letters import Letter, Newest, Wanted
from libs.runtime import letters
from services.cli import dead
from services.cli.failures import NOT_FOUND, Failure

LINE = "no dead letter is meant: nothing sent"


@pytest.fixture(autouse=True)
def no_letters(monkeypatch: pytest.MonkeyPatch) -> None:
    """The `.dead` topics are empty."""

    async def choose(*_: Any) -> tuple[dict[Any, Any], Newest, Counter[str]]:
        return {}, Newest(), Counter()

    monkeypatch.setattr(dead, "_choose", choose)


@pytest.mark.parametrize("place", ["operations.in/3/17", "operations.dead/3/5"])
@pytest.mark.parametrize("as_json", [False, True])
def test_a_place_where_there_is_no_letter_is_not_found(
    place: str, as_json: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Failure) as failure:
        dead.redrive(place, as_json=as_json)
    assert (str(failure.value), failure.value.status) == (LINE, NOT_FOUND)
    assert capsys.readouterr().out == ('{"redriven": 0, "services": {}}\n' if as_json else "")


@pytest.mark.parametrize("meant", [None, "operations"])
def test_where_no_place_is_named_nothing_to_send_is_no_failure(
    meant: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    dead.redrive(meant, source=None if meant is None else "operations.in/3/17")
    assert capsys.readouterr().out == f"{LINE}\n"


@pytest.mark.parametrize(("size", "together"), [(100, 500), (1_000_000, 9)])
async def test_no_more_letters_are_sent_together_than_can_be_held(
    size: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """500, or as many as have 8 MiB; in their order, and none left out."""
    said = ("malformed", "x", "", "operations.in/5/0", "operations", "2026-01-01T00:00:00.000Z")
    kept = [
        Letter("operations.dead", 0, at, b"%d" % at, b"0" * size, [], *said) for at in range(together * 2 + 1)
    ]
    newest = Newest()
    for one in kept:
        newest.add(one)

    async def read(*_: Any) -> AsyncIterator[Letter]:
        for one in kept:
            yield one

    monkeypatch.setattr(letters, "read", read)
    nothing: Any = None
    chunks = [chunk async for chunk in dead._chunks(nothing, {}, Wanted(), newest)]
    assert [len(chunk) for chunk in chunks] == [together, together, 1]
    assert [one for chunk in chunks for one in chunk] == kept
