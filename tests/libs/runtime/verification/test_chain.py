"""Which records of a log count, and which of the others may stand there."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from libs.ledger.envelope import About, Origin, log_record
from libs.ledger.verdict import Verdict
from libs.runtime.verification.chain import Chain
from libs.runtime.verification.findings import Findings, Kind

ORIGIN = Origin("operations", "operations.in", 0)


@dataclass
class Stands:
    """A record as it stands in the log."""

    offset: int
    value: bytes
    key: bytes | None = b"k"
    headers: list[tuple[str, bytes | None]] = field(default_factory=list)


def account(log_offset: int, offset: int, previous: int, data: bytes = b"{}") -> Stands:
    """A log record that accounts for an input offset."""
    about = About(offset, 1_000, "s", "s", 1_000)
    return Stands(log_offset, log_record(ORIGIN, about, Verdict.DUPLICATE, None, previous, data))


def read(*records: Stands) -> tuple[list[int], Chain, Findings]:
    """The input offsets accepted, and what was found."""
    findings = Findings()
    chain = Chain(0, findings)
    accepted = [one.logged.offset for record in records if (one := chain.offer(record)) is not None]
    chain.finish()
    return accepted, chain, findings


def test_equal_doubles_are_dropped_and_counted() -> None:
    """A zombie's batch stands twice, and a hole in the input's offsets is none in the chain."""
    accepted, chain, findings = read(
        account(0, 0, -1), account(1, 3, 0), account(2, 0, -1), account(3, 3, 0), account(4, 4, 3)
    )
    assert accepted == [0, 3, 4]
    assert chain.doubles == 2
    assert not findings.counts


def test_a_stray_batch_that_is_reached_later_is_a_double() -> None:
    """A batch may run ahead of a hole that is filled after it."""
    accepted, chain, findings = read(account(0, 0, -1), account(1, 2, 1), account(2, 1, 0), account(3, 2, 1))
    assert accepted == [0, 1, 2]
    assert chain.doubles == 1
    assert not findings.counts


@pytest.mark.parametrize(
    ("records", "kind", "place"),
    [
        pytest.param(
            [account(0, 0, -1), account(1, 1, 0), account(2, 1, 0, b'{"other":1}')],
            Kind.LOG_DOUBLE_DIFFERS,
            "log offset 2",
            id="a double with other bytes",
        ),
        pytest.param(
            [account(0, 0, -1), Stands(1, account(0, 0, -1).value, b"other key")],
            Kind.LOG_DOUBLE_DIFFERS,
            "log offset 1",
            id="a double with another key",
        ),
        pytest.param(
            [account(0, 0, -1), account(1, 2, 1, b"[]"), account(2, 1, 0), account(3, 2, 1)],
            Kind.LOG_DOUBLE_DIFFERS,
            "log offset 1",
            id="a stray that differs from what is accepted later",
        ),
        pytest.param(
            [account(0, 0, -1), account(1, 7, 6)], Kind.LOG_UNREACHABLE, "log offset 1", id="never reached"
        ),
        pytest.param(
            [account(0, 0, -1), account(1, 4, 3), account(2, 9, 0)],
            Kind.LOG_UNREACHABLE,
            "log offset 1",
            id="passed over",
        ),
        pytest.param(
            [account(0, 5, -1), account(1, 2, 1)],
            Kind.LOG_UNREACHABLE,
            "log offset 1",
            id="an offset between",
        ),
        pytest.param(
            [Stands(0, b'{"data":1}')], Kind.LOG_UNREADABLE, "log offset 0", id="no log record at all"
        ),
        pytest.param(
            [account(0, 0, -1), account(1, 0, 0)], Kind.LOG_UNREADABLE, "log offset 1", id="follows itself"
        ),
    ],
)
def test_what_may_not_stand_in_a_log(records: list[Stands], kind: Kind, place: str) -> None:
    """Each is told once, by its place."""
    findings = read(*records)[2]
    assert dict(findings.counts) == {kind: 1}
    assert [one.where for one in findings.first[kind]] == [place]
