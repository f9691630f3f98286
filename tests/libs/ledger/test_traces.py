"""A traceparent goes from an input to all that follows from it, and changes nothing else."""

from __future__ import annotations

import json
from dataclasses import replace
from random import Random
from typing import Any

import pytest

from libs.ledger.aggregate import Aggregate
from libs.ledger.records import Headers, InputRecord, Outgoing
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.libs.ledger import histories
from tests.libs.ledger.folding import Outcome, fold_input, records_of, refold_log

SERVICES: dict[str, Aggregate[Any]] = {"executions": EXECUTIONS, "operations": OPERATIONS}


def traceparent(number: int) -> str:
    return f"00-{number + 1:032x}-{number + 1:016x}-01"


def inputs(service: str, seed: int) -> list[InputRecord]:
    rng = Random(seed)
    story = histories.story(rng)
    bodies = story.bodies() if service == "executions" else story.operation
    return records_of(histories.spoiled(rng, bodies))


def traced(records: list[InputRecord]) -> list[InputRecord]:
    """Every second input belongs to a trace of its own."""
    return [
        replace(one, headers=[("traceparent", traceparent(one.offset).encode())]) if one.offset % 2 else one
        for one in records
    ]


def said(record: Outgoing) -> tuple[Any, dict[str, Any]]:
    """The traceparent of an envelope, and the envelope without it."""
    envelope = json.loads(record.value or b"")
    return envelope.pop("traceparent", None), envelope


def expected(offset: int) -> str | None:
    return traceparent(offset) if offset % 2 else None


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("seed", range(8))
def test_log_records_events_and_notices_have_their_inputs_and_nothing_else_changes(
    service: str, seed: int
) -> None:
    plain = inputs(service, seed)
    without = fold_input(SERVICES[service], plain, cut=Random(seed))
    with_traces = fold_input(SERVICES[service], traced(plain), cut=Random(seed))
    assert len(with_traces.log) == len(plain)
    for stream in ("log", "events"):
        for one, before in zip(getattr(with_traces, stream), getattr(without, stream), strict=True):
            assert said(one) == (expected(one.offset), said(before)[1])
            assert (one.key, one.headers) == (before.key, before.headers)
    for told, quiet in zip(with_traces.notices, without.notices, strict=True):
        own = expected(told.record.offset)
        assert told.record.headers == ([] if own is None else [("traceparent", own.encode())])
        assert told.record.value == quiet.record.value
    assert with_traces.states == without.states
    assert with_traces.counters == without.counters


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("seed", range(8))
def test_a_refold_of_the_log_says_the_same_byte_for_byte(service: str, seed: int) -> None:
    """So a recovery publishes the same events, whether this process makes traces or not."""
    first = fold_input(SERVICES[service], traced(inputs(service, seed)))
    again = refold_log(SERVICES[service], [one.value or b"" for one in first.log])
    assert (again.events, again.notices, again.states) == (first.events, first.notices, first.states)
    assert again.store == first.store


@pytest.mark.parametrize(
    "headers",
    [
        [("traceparent", traceparent(1)[:-2].encode() + b"00")],
        [("traceparent", b'","verdict":"applied')],
        [("traceparent", None)],
        [("traceparent", traceparent(1).encode())] * 2,
        [("Traceparent", traceparent(1).encode())],
        [("tracestate", b"x=y")],
    ],
    ids=["not sampled", "hostile", "null", "twice", "another name", "another header"],
)
def test_any_other_header_leaves_no_trace_at_all(headers: Headers) -> None:
    plain = inputs("executions", 1)
    assert outcome([replace(one, headers=headers) for one in plain]) == outcome(plain)


def outcome(records: list[InputRecord]) -> Outcome:
    """But for dead letters, which keep their inputs' headers."""
    assert records
    return replace(fold_input(EXECUTIONS, records), dead=[])


def test_a_forwarded_record_takes_its_traceparent_along() -> None:
    away = [fold_input(EXECUTIONS, traced(inputs("executions", 5)), number, 2) for number in range(2)]
    sent = [one.record for outcome in away for one in outcome.forwards]
    assert sent
    for one in sent:
        own = expected(one.offset)
        assert one.headers[:-1] == ([] if own is None else [("traceparent", own.encode())])
