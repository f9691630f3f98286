"""What is owed to an input topic and is not there: missing, excused by its age, or past telling."""

from __future__ import annotations

import pytest

from libs.runtime.verification.debts import Beginning, DebtBook
from libs.runtime.verification.findings import Findings, Kind

OLD, AGED, YOUNG = 1_000, 2_000, 3_000  # ms; what is older than AGED may have gone by its age


def settled(found: set[int], beginning: Beginning | None) -> Findings:
    """What is found of two debts, 7 since long ago and 8 since lately."""
    book, findings = DebtBook(), Findings()
    debts = book.of("operations.in", 0, Kind.NOTICE_MISSING)
    debts.add(7, 1, 70, OLD)
    debts.add(8, 1, 80, YOUNG)
    book.settle("operations.in", 0, found, beginning, findings)
    assert findings.checked["notices"] == 2
    return findings


@pytest.mark.parametrize(
    ("beginning", "missing", "excused", "untold"),
    [
        pytest.param(None, 2, 0, 0, id="everything is kept"),
        pytest.param(Beginning(OLD, AGED), 2, 0, 0, id="kept since the older one"),
        pytest.param(Beginning(YOUNG, AGED), 1, 1, 0, id="kept since the younger one"),
        pytest.param(Beginning(YOUNG + 1, AGED), 0, 1, 1, id="kept since after both"),
        pytest.param(Beginning(None, AGED), 0, 1, 1, id="nothing is kept"),
        pytest.param(Beginning(None, YOUNG + 1), 0, 2, 0, id="nothing is kept, and both are old"),
    ],
)
def test_what_is_not_there(beginning: Beginning | None, missing: int, excused: int, untold: int) -> None:
    """After the first record that is kept it must be there; before that its age alone excuses it."""
    found = settled(set(), beginning)
    assert found.counts[Kind.NOTICE_MISSING] == missing
    assert found.excused["notices"] == excused
    assert [one.partition(" ")[0] for one in found.unchecked] == (["1"] if untold else [])


def test_what_is_there_is_paid() -> None:
    """Whatever else is gone."""
    found = settled({7, 8}, Beginning(None, AGED))
    assert not found.counts
    assert not found.excused
    assert not found.unchecked
