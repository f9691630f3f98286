"""What an append may say of records whose place the broker does not tell: only that all of them stand."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import KafkaError

from libs.contracts.names import Names
from libs.ledger.records import Outgoing
from libs.runtime.failpoints import Failpoint
from libs.runtime.journal import Journal, PlaceUnknown, ProducerBroken
from tests.libs.runtime.scripted_producer import NOWHERE, ScriptedProducer

BULKY = b"0" * 600_000


async def _append(producer: Any, *values: bytes) -> int:
    journal = Journal(producer, Names(), "operations", 1, Failpoint())
    return await journal.append("in", 0, [Outgoing(0, None, value) for value in values])


@pytest.mark.parametrize("values", [(b"a", b"b", b"c"), (b"a", BULKY, b"c"), (BULKY, b"b", BULKY)])
async def test_an_unknown_place_is_told_once_all_that_came_behind_it_stands(
    values: tuple[bytes, ...],
) -> None:
    """Whoever needs no place takes it for success; what was never handed over would be lost."""
    producer = ScriptedProducer(NOWHERE, room=1)
    with pytest.raises(PlaceUnknown):
        await _append(producer, *values)
    assert [batch for _, batch in producer.sent] == [[value] for value in values]


async def test_a_batch_that_failed_counts_for_more_than_one_whose_place_is_unknown() -> None:
    """It is not appended, wherever the other one is."""
    with pytest.raises(ProducerBroken):
        await _append(ScriptedProducer(NOWHERE, KafkaError("refused"), room=1), b"a", b"b")


async def test_the_last_record_s_offset_is_told() -> None:
    """Of several batches that of the last, -1 where there is no record."""
    assert await _append(ScriptedProducer(5, 9, room=2), b"a", b"b", b"c") == 9
    assert await _append(ScriptedProducer(5, 7, room=2), b"a", b"b", BULKY) == 7
    assert await _append(ScriptedProducer()) == -1
