"""Cursors and limits: what a list gave is taken again, anything else is a 422 that names the parameter."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from services.api.pages import LIMIT, MOST, cursor, limit_of, numbered, ranked
from services.api.refusals import Refusal


def query(**parameters: str) -> QueryParams:
    return QueryParams(parameters)


def test_limits_are_numbers_within_bounds() -> None:
    assert limit_of(query()) == LIMIT
    assert limit_of(query(limit="1")) == 1
    assert limit_of(query(limit=str(MOST))) == MOST


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "x", "１", "9" * 30, str(MOST + 1), " 5"])
def test_any_other_limit_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as refusal:
        limit_of(query(limit=text))
    assert (refusal.value.status, refusal.value.findings[0].pointer) == (422, "/limit")


@given(st.integers(0, 2**53 - 1), st.text())
def test_a_cursor_is_the_place_that_it_was_made_from(number: int, text: str) -> None:
    assert numbered(query(cursor=cursor(number))) == number
    if text.isprintable():
        assert ranked(query(cursor=cursor(number, text))) == (number, text)


@given(st.text())
def test_any_other_cursor_is_refused_and_never_an_error(text: str) -> None:
    for read in (numbered, ranked):
        said = refusal_of(read, text)
        assert said is None or (said.status, said.findings[0].pointer) == (422, "/cursor")


def refusal_of(read: Callable[[QueryParams], object], text: str) -> Refusal | None:
    try:
        read(query(cursor=text))
    except Refusal as refusal:
        return refusal
    return None


@pytest.mark.parametrize(
    "text", ["", "*", "bnVsbA", "WzFd=", "é", "W10", "WyJhIl0", "WzEuNV0", "W3RydWVd", "x" * 5000]
)
def test_what_only_looks_like_a_cursor_is_refused(text: str) -> None:
    for read in (numbered, ranked):
        if (read, text) != (numbered, "WzFd="):
            with pytest.raises(Refusal):
                read(query(cursor=text))
