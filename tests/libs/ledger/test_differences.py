"""What a body says otherwise than another, down to the member that differs."""

from __future__ import annotations

from typing import Any

from libs.ledger.differences import MOST, differing
from libs.ledger.document import Shape, canonical

SHAPE = Shape(fields=("id", "parts"), nested=frozenset({"parts"}), added=frozenset())


def _pointers(held: dict[str, Any], said: dict[str, Any]) -> list[str]:
    return differing(canonical(held, SHAPE), canonical(said, SHAPE), SHAPE)


def test_the_member_that_differs_is_named_not_the_whole_that_it_is_in() -> None:
    held = {"id": "a", "parts": [{"price": "1", "side": "buy"}, {"price": "2", "side": "buy"}]}
    said = {"id": "a", "parts": [{"price": "1", "side": "buy"}, {"price": "3", "side": "buy", "x": "y"}]}
    assert _pointers(held, held) == []
    assert _pointers(held, said) == ["/parts/1/price", "/parts/1/x"]


def test_lists_of_different_lengths_differ_as_a_whole() -> None:
    assert _pointers({"id": "a", "parts": ["1"]}, {"id": "b", "parts": ["1", "2"]}) == ["/id", "/parts"]


def test_a_number_is_not_the_text_of_it_and_keeps_its_digits() -> None:
    for one, other in ((1, "1"), (None, "null"), (1.5, 2)):
        assert _pointers({"id": "a", "parts": [one]}, {"id": "a", "parts": [other]}) == ["/parts/0"]


def test_what_is_missing_is_not_null_and_an_extra_number_is_not_the_text_of_it() -> None:
    assert _pointers({"id": "a", "parts": [{"p": None}]}, {"id": "a", "parts": [{}]}) == ["/parts/0/p"]
    assert _pointers({"id": "a", "extra": 1}, {"id": "a", "extra": "1"}) == ["/extra"]


def test_names_are_escaped_as_pointers_want_it_and_extra_fields_count() -> None:
    assert _pointers({"id": "a", "a/b~c": {"d": 1}}, {"id": "a", "a/b~c": {"d": 2}}) == ["/a~1b~0c/d"]
    assert _pointers({"id": "a", "extra": "1"}, {"id": "a"}) == ["/extra"]


def test_text_that_only_looks_like_json_is_text() -> None:
    assert _pointers({"id": "[" * 5_000}, {"id": "{"}) == ["/id"]


def test_there_are_no_more_than_a_person_reads() -> None:
    held, said = ({"id": "a", "parts": [str(sign * n) for n in range(1, 100)]} for sign in (1, -1))
    assert len(_pointers(held, said)) == MOST
