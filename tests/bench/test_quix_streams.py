"""The peer decides as the worker does, over the mixed input; `make bench-peers` tries it as a process."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest

from libs.ledger.records import InputRecord, Outgoing
from services.executions import AGGREGATE
from tests.bench import mixed
from tests.bench.subjects.quix_streams.envelope import Place
from tests.bench.subjects.quix_streams.handling import handle
from tests.bench.subjects.quix_streams.output import Output
from tests.bench.subjects.quix_streams.times import rfc3339
from tests.bench.workload import PARTITIONS
from tests.libs.ledger.folding import EPOCH_MS, Outcome, fold_input


def _records(partition: int) -> list[InputRecord]:
    sent = [*mixed.folded_and_refused(), *mixed.misplaced(), *mixed.last()]
    mine = [one for one in sent if one.partition == partition]
    return [
        InputRecord(at, EPOCH_MS + 1_234 * at, one.key, one.value, list(one.headers))
        for at, one in enumerate(mine)
    ]


def _peer(partition: int) -> list[Output]:
    """What the peer writes, each key with a state of its own as Quix Streams has it."""
    states: dict[bytes | None, bytes] = {}
    written = []
    for record in _records(partition):
        place = Place("executions.in", partition, record.offset, rfc3339(record.recorded))
        kept, outputs = handle(record.value, record.key, record.headers, place, states.get(record.key))
        if kept is not None:
            states[record.key] = kept
        written += outputs
    return written


def _worker(partition: int) -> Outcome:
    return fold_input(AGGREGATE, _records(partition), partition, PARTITIONS)


def _of(outputs: Iterable[Output], topic: str) -> list[tuple[bytes | None, Any]]:
    return [(one.key, _parsed(one.value)) for one in outputs if one.topic == topic]


def _said(records: Iterable[Outgoing]) -> list[tuple[bytes | None, Any]]:
    return [(one.key, _parsed(one.value)) for one in records]


def _parsed(value: bytes | None) -> Any:
    """With every number as its digits."""
    return json.loads(value or b"", parse_float=str, parse_int=str)


@pytest.mark.parametrize("partition", range(PARTITIONS))
def test_the_peer_writes_what_the_worker_writes(partition: int) -> None:
    ours, theirs = _worker(partition), _peer(partition)
    assert _of(theirs, "executions.events") == _said(ours.events)
    assert dict(_of(theirs, "executions.state")) == dict(_said(ours.states))
    assert _of(theirs, "operations.in") == _said(notice.record for notice in ours.notices)


@pytest.mark.parametrize("partition", range(PARTITIONS))
def test_the_peer_refuses_and_forwards_what_the_worker_does(partition: int) -> None:
    ours, theirs = _worker(partition), _peer(partition)
    for topic, expected in (
        ("executions.dead", ours.dead),
        ("executions.in", [forward.record for forward in ours.forwards]),
    ):
        found = [one for one in theirs if one.topic == topic]
        assert [(one.key, one.value) for one in found] == [(one.key, one.value) for one in expected]
        for one, other in zip(found, expected, strict=True):
            assert [h for h in one.headers if h[0] != "detail"] == [
                h for h in other.headers if h[0] != "detail"
            ]


def test_what_is_broken_is_forwarded_first_where_it_is_known_whose_it_is() -> None:
    awaiting = mixed.last()[0]
    body = {**_parsed(awaiting.value), "status": None}
    home, value = awaiting.partition, json.dumps(body).encode()
    other = (home + 1) % PARTITIONS
    (forward,) = fold_input(AGGREGATE, [InputRecord(0, EPOCH_MS, b"?", value)], other, PARTITIONS).forwards
    place = Place("executions.in", other, 0, rfc3339(EPOCH_MS))
    _, (output,) = handle(value, b"?", None, place, None)
    assert (output.topic, output.key, output.headers) == (
        "executions.in",
        forward.record.key,
        forward.record.headers,
    )


def test_the_mixed_input_has_something_of_every_verdict() -> None:
    counters = [_worker(partition).counters for partition in range(PARTITIONS)]
    for verdict in ("applied", "late", "conflict", "ignored", "duplicate", "quarantined", "forwarded"):
        assert sum(one[f"{verdict}_total"] for one in counters) >= 5, verdict
