"""Dead letters sent again: as they came, to the input topic they came from; the letters stay where they are."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer

from libs.contracts.names import Names
from libs.contracts.partitions import murmur2, partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.invalid import Invalid
from libs.ledger.letters import Letter, service_of
from libs.ledger.reading import read
from libs.ledger.records import Outgoing
from libs.runtime.failpoints import Failpoint
from libs.runtime.journal import Journal, PlaceUnknown

FoldOf = Callable[[str], Aggregate[Any]]
"""The fold of a service, by the service's name."""


async def send_again(
    producer: AIOKafkaProducer,
    names: Names,
    partitions: int,
    letters: Iterable[Letter],
    fold_of: FoldOf,
    sent: Counter[str],
) -> None:
    """Append what the letters hold, each service's in their order; ``sent`` counts them by service as they come to lie.

    Has no deadline of its own. Raises ProducerBroken.
    """
    places: dict[tuple[str, int], list[Outgoing]] = {}
    for one in letters:
        service = service_of(one.topic)
        place = service, home(one, partitions, fold_of(service))
        places.setdefault(place, []).append(Outgoing(0, one.key, one.value, one.headers))
    for (service, partition), records in places.items():
        journal = Journal(producer, names, service, partitions, Failpoint())
        with suppress(PlaceUnknown):  # where they lie matters to nobody here
            await journal.append("in", partition, records)
        sent[service] += len(records)


def home(one: Letter, partitions: int, fold: Aggregate[Any]) -> int:
    """Where its routing key belongs, if the body has one; else where its key does; else where it lay."""
    try:
        return partition_of(fold.identify(read(one.value), one.key).routing_key, partitions)
    except Invalid:
        return one.partition if one.key is None else (murmur2(one.key) & 0x7FFFFFFF) % partitions
