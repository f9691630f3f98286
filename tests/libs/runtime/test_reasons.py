"""A log line says why a partition starts again so that a user understands it: no Python in it."""

from __future__ import annotations

import pytest
from aiokafka.errors import KafkaConnectionError, NotLeaderForPartitionError

from libs.runtime.inbox import InputUnreadable
from libs.runtime.journal import PlaceUnknown
from libs.runtime.partition import _STARTS_AGAIN
from libs.runtime.reasons import in_words
from libs.runtime.recovery import DamagedProjection
from libs.runtime.states import Overtaken
from libs.views.ownership import Behind, BeingRebuilt, Damaged, NotOurs


def _unreadable() -> InputUnreadable:
    why = InputUnreadable("OffsetOutOfRangeError({0: 1})")
    why.__cause__ = ValueError("a batch is corrupt")
    return why


@pytest.mark.parametrize(
    ("why", "said"),
    [
        (Behind(), "Redis knows less than it acknowledged: it was emptied, or went back to an older copy"),
        (NotOurs(), "another process has taken the partition over"),
        (BeingRebuilt("rebuild-host-1"), "the partition is being rebuilt by rebuild-host-1"),
        (Damaged("a key"), "what Redis holds is damaged, and is made anew: a key"),
        (DamagedProjection("x: KeyError"), "what Redis holds is damaged, and is made anew: x: KeyError"),
        (Overtaken(), "somebody else folded on while states were mended"),
        (PlaceUnknown("a.log/0"), "Kafka has a batch already, but doesn't say at which offset: a.log/0"),
        (_unreadable(), "the input can't be read on: ValueError: a batch is corrupt"),
        (KafkaConnectionError("no\nroute"), "Kafka failed: KafkaConnectionError: no route"),
        (ConnectionResetError(), "ConnectionResetError"),
        (OSError(5, "input/output error"), "OSError: [Errno 5] input/output error"),
    ],
)
def test_a_reason_is_told_in_words(why: Exception, said: str) -> None:
    assert in_words(why) == said


def test_the_name_of_an_error_of_kafka_is_told_once() -> None:
    assert in_words(NotLeaderForPartitionError()).count("NotLeaderForPartitionError") == 1


@pytest.mark.parametrize("kind", _STARTS_AGAIN)
def test_no_reason_is_a_python_expression(kind: type[Exception]) -> None:
    """Whatever a partition starts again for."""
    assert "()" not in in_words(kind())
    assert repr(kind("x")) not in in_words(kind("x"))
