"""What a user types for an entity: where it lies, or one line that says what is wrong."""

from __future__ import annotations

import pytest

from services.cli.failures import WRONG, Failure
from services.cli.subjects import Subject, subject

ID = "663A258C-5E7C-456F-9759-73E02DB8B5D9"


def test_an_operation_lies_by_its_id_in_lower_case() -> None:
    assert subject("operation", ID) == Subject("operations", ID.lower(), ID.lower())
    # what Kafka's own murmur2 says of this id and six partitions
    assert subject("operations", ID).partitions(6) == [3]


def test_a_version_lies_by_its_strategy_or_else_anywhere() -> None:
    assert subject("version", ID).partitions(3) == [0, 1, 2]
    assert len(subject("version", ID, strategy=ID).partitions(3)) == 1


def test_a_strategy_lies_by_its_account() -> None:
    assert subject("strategy", "strat_1") == Subject("strategies", "default:strat_1", "default")
    assert subject("strategy", "strat_1", account="a") == Subject("strategies", "a:strat_1", "a")
    assert subject("strategy", "a:strat_1") == Subject("strategies", "a:strat_1", "a")
    assert subject("strategy", "a:b", account="default") == Subject("strategies", "default:a:b", "default")


@pytest.mark.parametrize(
    ("typed", "named"),
    [
        (("order", ID), "order"),
        (("operation", "x"), "id of the operation"),
        (("operation", ""), "id of the operation"),
        (("execution", ID + "0"), "id of the execution"),
        (("version", ID, None, "x"), "--strategy"),
        (("operation", ID, "a"), "--account"),
        (("operation", ID, None, ID), "--strategy"),
    ],
)
def test_what_is_wrong_is_named(typed: tuple[str, ...], named: str) -> None:
    with pytest.raises(Failure, match=named) as raised:
        subject(*typed)
    assert raised.value.status == WRONG
