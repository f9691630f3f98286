"""How `stratafold dead redrive` ends where nothing is to be sent again; no server is asked."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from libs.ledger.letters import Newest
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
