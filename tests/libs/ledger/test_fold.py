"""The shared fold: a pure function of the input's prefix, whatever the input and however it is cut into batches."""

from __future__ import annotations

from collections import defaultdict
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.partitions import partition_of
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.intake import MAX_HEADER_BYTES
from libs.ledger.records import Headers, InputRecord, Outgoing
from libs.ledger.verdict import SEQUENCED, Verdict
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.libs.ledger import histories
from tests.libs.ledger.folding import EPOCH_MS, Outcome, fold_input, records_of, refold_log

_HISTORY = 7
_rounds = st.integers(0, 2**64).map(Random)


def _input(rng: Random, aggregate: Aggregate[Any]) -> list[InputRecord]:
    """A partition's records: several stories through one another, spoiled; holes between their offsets."""
    flows = []
    for _ in range(rng.randrange(1, 4)):
        story = histories.story(rng, ended=rng.random() < 0.7)
        executions = histories.spoiled(rng, story.bodies())
        if aggregate is EXECUTIONS:
            flows.append(executions)
        else:
            told = fold_input(EXECUTIONS, records_of(executions)).notices
            outcomes = [orjson.loads(notice.record.value or b"") for notice in told]
            flows.append(histories.spoiled(rng, [*story.operation, *outcomes]))
    values: list[bytes | None] = []
    while flows := [flow for flow in flows if flow]:
        values.append(rng.choice(flows).pop(0))
    offset, records = -1, []
    for value in values:
        offset += rng.choice((1, 1, 1, 2, 5))
        headers: list[tuple[str, bytes | None]] = [("h", rng.choice((None, b"", b"\xff")))]
        records.append(
            InputRecord(offset, EPOCH_MS + rng.randrange(10**6), rng.choice((None, b"k\xff")), value, headers)
        )
    return records


def _plain(records: list[Outgoing]) -> list[tuple[Any, ...]]:
    return [(one.offset, one.key, one.value, one.headers) for one in records]


def _streams(outcome: Outcome) -> dict[str, Any]:
    """All but the states, which come one a batch and entity."""
    return {
        "log": _plain(outcome.log),
        "events": _plain(outcome.events),
        "dead": _plain(outcome.dead),
        "notices": [(one.topic, one.routing_key, _plain([one.record])) for one in outcome.notices],
        "forwards": [(one.topic, one.routing_key, _plain([one.record])) for one in outcome.forwards],
        "last states": outcome.last_states(),
        "redis": outcome.store,
        "counters": outcome.counters,
    }


_FEWER = settings(max_examples=50)
_BOTH = pytest.mark.parametrize("aggregate", [EXECUTIONS, OPERATIONS], ids=lambda one: one.service)


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_the_cut_into_batches_and_what_is_cached_change_nothing(
    aggregate: Aggregate[Any], rng: Random
) -> None:
    """One batch that holds all, or small ones with entities forgotten and loaded again: the same bytes."""
    records = _input(rng, aggregate)
    whole = fold_input(aggregate, records, partitions=2, history=_HISTORY)
    cut = fold_input(aggregate, records, partitions=2, cut=rng, history=_HISTORY)
    assert _streams(cut) == _streams(whole)


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_a_refold_of_the_log_gives_what_the_input_gave(aggregate: Aggregate[Any], rng: Random) -> None:
    """Events, states, Redis and notices, byte for byte; a dead letter only where its input was fetched again."""
    first = fold_input(aggregate, _input(rng, aggregate), partitions=2, history=_HISTORY)
    again = refold_log(aggregate, [one.value or b"" for one in first.log], cut=rng, history=_HISTORY)
    expected, seen = _streams(first), _streams(again)
    assert seen["dead"] == []
    for name in ("events", "notices", "last states", "redis", "counters"):
        assert seen[name] == expected[name]


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_the_log_is_a_full_ledger_of_the_input(aggregate: Aggregate[Any], rng: Random) -> None:
    """One record for every input record, in order, each naming the one before; sequences have no gaps."""
    records = _input(rng, aggregate)
    outcome = fold_input(aggregate, records, partitions=2)
    logged = [parse_log_record(one.value or b"") for one in outcome.log]
    assert [one.offset for one in logged] == [record.offset for record in records]
    assert [one.previous for one in logged] == [-1, *(record.offset for record in records)][: len(records)]
    last: dict[str, int] = defaultdict(int)
    for one, record in zip(logged, records, strict=True):
        subject, sequence = one.attributes["subject"], one.attributes["sequence"]
        assert (sequence is not None) == (one.verdict in SEQUENCED)
        if sequence is not None:
            last[subject] += 1
            assert sequence == last[subject]
        if one.verdict is not Verdict.QUARANTINED:
            assert one.data == (record.value or b"").strip(), "the source's own bytes"


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_events_are_numbered_without_gaps_for_every_subject(aggregate: Aggregate[Any], rng: Random) -> None:
    """And name the log record that caused them."""
    outcome = fold_input(aggregate, _input(rng, aggregate), partitions=2, cut=rng)
    causes = {orjson.loads(one.value or b"")["id"]: one.offset for one in outcome.log}
    last: dict[str, int] = defaultdict(int)
    for one in outcome.events:
        event = orjson.loads(one.value or b"")
        last[event["subject"]] += 1
        assert event["sequence"] == last[event["subject"]]
        assert causes[event["causationid"]] == one.offset
        assert one.key == event["subject"].encode()
        assert dict(one.headers)["inputoffset"] == str(one.offset).encode()


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_redis_and_the_state_topic_show_the_same(aggregate: Aggregate[Any], rng: Random) -> None:
    """Field by field: nested values as they are, numbers and flags typed, private fields left out."""
    outcome = fold_input(aggregate, _input(rng, aggregate), partitions=2, cut=rng)
    assert {subject.encode() for subject in outcome.store.entities} == set(outcome.last_states())
    for subject, fields in outcome.store.entities.items():
        state = orjson.loads(outcome.last_states()[subject.encode()] or b"")
        public = {name: text for name, text in fields.items() if not name.startswith("_")}
        assert set(state) == set(public)
        for name, value in state.items():
            if isinstance(value, str):
                assert public[name] == value
            elif isinstance(value, bool) and name in ("disputed", "weights_rounded"):
                assert public[name] == str(int(value))
            else:
                assert orjson.loads(public[name]) == value
        assert int(public["sequence"]) == sum(
            parse_log_record(one.value or b"").attributes["subject"] == subject
            and parse_log_record(one.value or b"").verdict in SEQUENCED
            for one in outcome.log
        )
        log = outcome.store.histories[subject]
        assert [parse_log_record(value).attributes["sequence"] for value in log] == list(
            range(1, state["sequence"] + 1)
        )


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_the_counters_add_up(aggregate: Aggregate[Any], rng: Random) -> None:
    """Every input record is counted once, under its verdict."""
    outcome = fold_input(aggregate, _input(rng, aggregate), partitions=2, cut=rng)
    n = outcome.counters
    assert n["in_total"] == len(outcome.log) == sum(n[f"{verdict}_total"] for verdict in Verdict)
    assert n["events_total"] == len(outcome.events)
    assert n["quarantined_total"] == len(outcome.dead)
    assert n["forwarded_total"] == len(outcome.forwards)
    assert n["entities"] == len(outcome.store.entities)
    assert n["disputed"] == sum(fields["disputed"] == "1" for fields in outcome.store.entities.values())
    if outcome.log:
        assert {name: int(text) for name, text in outcome.store.counters.items()} == n


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_an_entity_is_in_the_sorted_sets_of_its_status_and_strategy(
    aggregate: Aggregate[Any], rng: Random
) -> None:
    """In no others; the score is the broker's time of its last applied record."""
    records = _input(rng, aggregate)
    outcome = fold_input(aggregate, records, partitions=2, cut=rng)
    times = {record.offset: record.recorded for record in records}
    expected: dict[str, dict[str, int]] = defaultdict(dict)
    applied = {
        one.attributes["subject"]: times[one.offset]
        for one in (parse_log_record(record.value or b"") for record in outcome.log)
        if one.verdict is Verdict.APPLIED
    }
    for subject, at in applied.items():
        fields = outcome.store.entities[subject]
        named = f"status:{fields['status']}" if fields["status"] != "null" else "known:outcomes"
        expected[named][subject] = at
        expected[f"strategy:{fields['strategy_id'].lower()}"][subject] = at
    assert outcome.store.indexes == expected


@_BOTH
@_FEWER
@given(rng=_rounds)
def test_what_belongs_elsewhere_is_forwarded_and_never_folded_here(
    aggregate: Aggregate[Any], rng: Random
) -> None:
    """With its value and headers kept, the key its routing key, and where it came from added."""
    records = _input(rng, aggregate)
    values = {record.offset: record for record in records}
    for partition in range(3):
        outcome = fold_input(aggregate, records, partition=partition, partitions=3)
        assert all(partition_of(subject, 3) == partition for subject in outcome.store.entities)
        for one in outcome.forwards:
            record = values[one.record.offset]
            assert partition_of(one.routing_key, 3) != partition
            assert (one.record.key, one.record.value) == (one.routing_key.encode(), record.value)
            origin = f"{aggregate.service}.in/{partition}/{record.offset}".encode()
            assert one.record.headers == [*record.headers, ("forwarded-from", origin)]


@_BOTH
@pytest.mark.parametrize(("more", "verdict"), [(0, Verdict.FORWARDED), (1, Verdict.QUARANTINED)])
def test_what_may_not_fit_elsewhere_is_refused_where_it_lies(
    aggregate: Aggregate[Any], more: int, verdict: Verdict
) -> None:
    """A copy is larger than what came, which may be as large as a topic takes; where it belongs any header passes."""
    story = histories.story(Random(2))
    value = orjson.dumps((story.operation if aggregate is OPERATIONS else story.bodies())[0])
    headers: Headers = [("h", None), ("ü", b"\xff" * (MAX_HEADER_BYTES - 3 + more))]
    record = InputRecord(0, EPOCH_MS, None, value, headers)
    found = {}
    for partition in range(2):
        outcome = fold_input(aggregate, [record], partition=partition, partitions=2)
        (found[partition],) = (parse_log_record(one.value or b"").verdict for one in outcome.log)
        if found[partition] is Verdict.QUARANTINED:
            assert outcome.dead[0].headers[6:] == headers
            assert dict(outcome.dead[0].headers)["error"] == b"too_large"
            assert b"headers" in (dict(outcome.dead[0].headers)["detail"] or b"")
    assert set(found.values()) == {Verdict.APPLIED, verdict}


def test_what_is_unreadable_is_buried_byte_for_byte() -> None:
    """Key, value and headers as received, after the headers that say why."""
    own: list[tuple[str, bytes | None]] = [("error", b"\xff"), ("n", None)]
    record = InputRecord(7, EPOCH_MS, b"\x00\xff", b"{nonsense", own)
    outcome = fold_input(EXECUTIONS, [record], partition=3, partitions=6)
    (letter,) = outcome.dead
    assert (letter.key, letter.value) == (b"\x00\xff", b"{nonsense")
    assert letter.headers[6:] == own
    why = dict(letter.headers[:6])
    assert list(why) == ["error", "detail", "pointer", "source", "service", "at"]
    assert why["error"] == b"not_json"
    assert (why["pointer"], why["service"]) == (b"", b"executions")
    assert (why["source"], why["at"]) == (b"executions.in/3/7", b"2026-05-29T19:00:00.000Z")
    logged = orjson.loads(outcome.log[0].value or b"")
    assert (logged["subject"], logged["partitionkey"], logged["verdict"]) == (None, None, "quarantined")
    assert logged["data"] == {"error": "not_json", "detail": (why["detail"] or b"").decode(), "pointer": ""}
    assert outcome.log[0].key == b"\x00\xff"


def test_a_readable_but_invalid_record_keeps_its_subject() -> None:
    """Only where the id can't be read are subject and routing key null."""
    rng = Random(1)
    body = histories.story(rng).operation[0]
    outcome = fold_input(OPERATIONS, records_of([orjson.dumps({**body, "type": 1})]))
    logged = orjson.loads(outcome.log[0].value or b"")
    assert (logged["verdict"], logged["subject"], logged["partitionkey"]) == (
        "quarantined",
        body["id"],
        body["id"],
    )
    assert logged["data"]["pointer"] == "/type"
    assert outcome.log[0].key == body["id"].encode()


@_BOTH
def test_what_was_not_folded_has_the_time_that_it_says_where_that_can_be_read(
    aggregate: Aggregate[Any],
) -> None:
    """Refused or forwarded; null otherwise."""
    story = histories.story(Random(2))
    body = (story.operation if aggregate is OPERATIONS else story.bodies())[0]
    values = [
        {**body, "status": 1},
        {**body, "status": 1, "updated_at": "soon"},
        {**body, "updated_at": "2026-02-30T00:00:00Z"},
    ]
    elsewhere = 1 - partition_of(body["id"], 2)
    refused = fold_input(aggregate, records_of(map(orjson.dumps, values)))
    forwarded = fold_input(aggregate, records_of([orjson.dumps(body)]), partition=elsewhere, partitions=2)
    times = [orjson.loads(one.value or b"")["time"] for one in (*refused.log, *forwarded.log)]
    at = body["updated_at"].replace("Z", ".000Z")
    assert times == [at, None, None, at]
