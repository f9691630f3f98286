"""Dead letters: our headers told from the input's own, and only those meant that are meant."""

from __future__ import annotations

from dataclasses import dataclass, replace

import pytest

from libs.contracts.names import Names
from libs.ledger.letters import Letter, Newest, Place, Wanted, place_of
from libs.runtime.letters import letter


@dataclass
class _Record:
    headers: tuple[tuple[str, bytes | None], ...]
    topic: str = "operations.dead"
    partition: int = 3
    offset: int = 5
    timestamp: int = 0
    key: bytes | None = b"k"
    value: bytes | None = b"v"


OURS = (
    ("error", b"missing_field"),
    ("detail", b"id is missing"),
    ("pointer", b"/id"),
    ("source", b"operations.in/3/17"),
    ("service", b"operations"),
    ("at", b"2026-01-01T00:00:00.000Z"),
)


def _letter() -> Letter:
    return letter(_Record(OURS))


def test_the_first_six_headers_are_ours_and_the_rest_the_inputs_own_even_of_the_same_names() -> None:
    own = (("error", b"theirs"), ("trace", None), ("at", b"\xff"))
    one = letter(_Record(OURS + own))
    assert (one.error, one.source, one.pointer) == ("missing_field", "operations.in/3/17", "/id")
    assert one.headers == list(own)
    assert one.place == "operations.dead/3/5"


@pytest.mark.parametrize(
    ("wanted", "held"),
    [
        (Wanted(), True),
        (Wanted(error="missing_field"), True),
        (Wanted(error="not_json"), False),
        (Wanted(pointer="/id"), True),
        (Wanted(pointer=""), False),
        (Wanted(source="operations.in"), True),
        (Wanted(source="operations.in/3"), True),
        (Wanted(source="operations.in/3/17"), True),
        (Wanted(source="operations.in/3/1"), False),
        (Wanted(error="missing_field", pointer="/x"), False),
        (Wanted(place="operations.dead/3/5"), True),
        (Wanted(place="operations.dead/3/50"), False),
    ],
)
def test_what_is_meant(wanted: Wanted, held: bool) -> None:
    assert wanted.holds(_letter()) is held


@pytest.mark.parametrize(
    ("changed", "equal"),
    [
        ({"source": "operations.in/3/18"}, True),
        ({"partition": 4}, True),
        ({"key": b"other"}, False),
        ({"key": None}, False),
        ({"value": b"other"}, False),
        ({"value": None}, False),
        ({"headers": [("trace", b"1")]}, False),
        ({"headers": [("trace", None)]}, False),
        ({"topic": "executions.dead"}, False),
    ],
)
def test_of_equal_letters_only_the_newest_is_sent_again(changed: dict[str, object], equal: bool) -> None:
    """Equal are those of the same service, key, value and headers of the input's own, wherever they came from."""
    first = _letter()
    second = replace(first, offset=9, at="2026-01-01T00:00:01.000Z", **changed)  # type: ignore[arg-type]
    for order in ([first, second], [second, first]):
        newest = Newest()
        assert [newest.add(one) for one in order] == [True, not equal]
        assert newest.holds(second)
        assert newest.holds(first) is not equal
        assert len(newest) == 2 - equal


@pytest.mark.parametrize(
    ("namespace", "typed", "place"),
    [
        ("", "operations.in/3/17", Place("operations", "in", 3, 17, "operations.in/3/17")),
        ("x", "operations.dead/3/5", Place("operations", "dead", 3, 5, "x.operations.dead/3/5")),
        ("x", "x.agents.in/0/0", Place("agents", "in", 0, 0, "x.agents.in/0/0")),
        ("", "agents.log/0/0", None),
        ("", "nothing.in/0/0", None),
        ("", "agents.in/0", None),
        ("", "agents.in/-1/0", None),
        ("", "agents.in/0/0/", None),
        ("y", "x.agents.in/0/0", None),
        ("", "agents.in/0/" + "9" * 40, None),
    ],
)
def test_a_place_is_read_with_or_without_its_namespace(
    namespace: str, typed: str, place: Place | None
) -> None:
    assert place_of(Names(namespace), typed) == place


def test_what_a_place_means_is_that_letter_or_the_letter_of_that_input() -> None:
    one = _letter()
    for typed in ("operations.in/3/17", "operations.dead/3/5"):
        meant = place_of(Names(), typed)
        assert meant is not None
        assert Wanted(**meant.wanted).holds(one)
    other = place_of(Names(), "operations.dead/3/6")
    assert other is not None
    assert not Wanted(**other.wanted).holds(one)
