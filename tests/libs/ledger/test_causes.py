"""Which input a record of a derived topic says it comes from; recovery and verification ask, whoever wrote it."""

from __future__ import annotations

import pytest

from libs.ledger.partition import cause_of


@pytest.mark.parametrize(
    ("headers", "offset"),
    [
        ([("content-type", b"application/json"), ("inputoffset", b"17")], 17),
        ([("error", b"not_json"), ("source", b"executions.in/3/5"), ("inputoffset", b"99")], 5),
        ([], -1),
        ([("inputoffset", None)], -1),
        ([("inputoffset", b"x")], -1),
        ([("inputoffset", b"\xff")], -1),
        ([("inputoffset", b"9" * 5_000)], -1),
        ([("source", b"executions.in/3/")], -1),
    ],
)
def test_a_record_that_says_no_offset_comes_from_none(
    headers: list[tuple[str, bytes | None]], offset: int
) -> None:
    """A dead letter has its own headers first; a stranger's garbage is no reason to fail."""
    assert cause_of(headers) == offset
