"""Where a letter that is sent again goes: home by its body, else by its key, else where it lay."""

from __future__ import annotations

from libs.contracts.partitions import partition_of
from libs.ledger.letters import Letter
from libs.runtime.redrive import home
from services.operations import AGGREGATE

ID = "663a258c-8a37-4f8e-9a66-0c9ad9a7e0b1"
PARTITIONS = 6


def _letter(value: bytes | None, key: bytes | None, partition: int = 5) -> Letter:
    said = ("malformed", "x", "", "operations.in/5/0", "operations", "2026-01-01T00:00:00.000Z")
    return Letter("operations.dead", partition, 0, key, value, [], *said)


def test_the_body_says_whose_it_is_whatever_the_key() -> None:
    one = _letter(f'{{"id": "{ID.upper()}"}}'.encode(), b"another")
    assert home(one, PARTITIONS, AGGREGATE) == partition_of(ID, PARTITIONS)


def test_without_a_body_to_read_the_key_does() -> None:
    for value in (None, b"", b"{", b'{"id": 5}'):
        assert home(_letter(value, ID.encode()), PARTITIONS, AGGREGATE) == partition_of(ID, PARTITIONS)


def test_without_either_it_stays_where_it_lay() -> None:
    for partition in range(PARTITIONS):
        assert home(_letter(b"{", None, partition), PARTITIONS, AGGREGATE) == partition
