"""Events, states and dead letters against what follows from the log, also where a topic's beginning is gone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson
import pytest

from libs.ledger.envelope import Origin
from libs.ledger.intake import read_input
from libs.ledger.records import InputRecord, Outgoing
from libs.runtime.verification.debts import DebtBook
from libs.runtime.verification.expectation import Expectation
from libs.runtime.verification.findings import Findings, Kind
from libs.runtime.verification.published import Comparison, Events, Gone, Letters, States
from services.executions import AGGREGATE

IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]
STEPS = ("awaiting_execution", "settled")


@dataclass(frozen=True)
class Stands:
    """A record as it stands in a topic."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]


def inputs() -> Iterator[InputRecord]:
    """Three executions, each awaited and then settled, with a broken record amid them at offset 3."""
    offset = 0
    for status in STEPS:
        for execution_id in IDS:
            if offset == 3:
                yield InputRecord(3, 1_003, b"broken", b"{", [("webhook-id", b"w")])
                offset += 1
            body = {
                "id": execution_id,
                "strategy_id": IDS[0],
                "operation_id": IDS[1],
                "trader_id": "",
                "participant_code": "P",
                "account_label": "A",
                "status": status,
                "status_reason": "",
                "instructions": [],
                "created_at": "2026-05-29T18:56:43Z",
                "updated_at": f"2026-05-29T18:56:4{offset}Z",
            }
            yield InputRecord(offset, 1_000 + offset, execution_id.encode(), orjson.dumps(body))
            offset += 1


class Recorder(Expectation[Any]):
    """Keeps what is published, to play it back."""

    def __init__(self) -> None:
        super().__init__(AGGREGATE, Origin("executions", "executions.in", 0), 1, 100, DebtBook())
        self.published: dict[str, list[Outgoing]] = {"events": [], "state": [], "dead": []}

    def fold(self, records: Iterable[InputRecord]) -> None:
        """Fold records one by one, so that each entity's documents are all published."""
        for record in records:
            self.take([read_input(AGGREGATE, 0, 1, record)], set())

    def _remember(self, folded: Any, remembered: set[int]) -> None:
        super()._remember(folded, remembered)
        self.published["events"] += folded.events
        self.published["state"] += folded.states
        self.published["dead"] += folded.dead

    def topic(self, stream: str) -> list[Stands]:
        """The topic as it must be."""
        return [
            Stands(at, one.key, one.value, tuple(one.headers))
            for at, one in enumerate(self.published[stream])
        ]


@pytest.fixture
def expected() -> Recorder:
    """Everything folded."""
    recorder = Recorder()
    recorder.fold(inputs())
    return recorder


def compare(expected: Recorder, stream: str, records: list[Stands], gone: Gone | None = None) -> Findings:
    """What is found in a topic that holds these records."""
    findings = Findings()
    comparison: Comparison
    if stream == "events":
        comparison = Events(expected, 0, gone, findings)
    elif stream == "state":
        comparison = States(expected, 0, findings)
    else:
        comparison = Letters(expected, 0, gone, findings)
    for record in records:
        comparison.take(record)
    comparison.finish()
    return findings


@pytest.mark.parametrize(("stream", "count"), [("events", 6), ("state", 3), ("dead", 1)])
def test_what_must_be_there_agrees(expected: Recorder, stream: str, count: int) -> None:
    """Nothing is found, and everything was looked at."""
    findings = compare(expected, stream, expected.topic(stream))
    assert not findings.counts
    assert findings.checked[stream] == count


def changed(record: Stands) -> Stands:
    """The same record with one byte more."""
    return replace(record, value=(record.value or b"") + b" ")


@pytest.mark.parametrize("stream", ["events", "state", "dead"])
def test_doubles_are_allowed_byte_for_byte(expected: Recorder, stream: str) -> None:
    """What recovery sends again stands twice; it must be equal."""
    topic = expected.topic(stream)
    assert not compare(expected, stream, topic + topic[-3:]).counts


@pytest.mark.parametrize(
    ("stream", "kind"),
    [("events", Kind.EVENTS_DIFFERS), ("state", Kind.STATE_DIFFERS), ("dead", Kind.DEAD_DIFFERS)],
)
def test_another_byte_is_told(expected: Recorder, stream: str, kind: Kind) -> None:
    """In the last record of a topic, also where it is a double."""
    topic = expected.topic(stream)
    assert dict(compare(expected, stream, [*topic[:-1], changed(topic[-1])]).counts) == {kind: 1}
    assert dict(compare(expected, stream, [*topic, changed(topic[-1])]).counts) == {kind: 1}


@pytest.mark.parametrize(
    ("stream", "kind"),
    [("events", Kind.EVENTS_MISSING), ("dead", Kind.DEAD_MISSING)],
)
def test_a_missing_last_record_is_told(expected: Recorder, stream: str, kind: Kind) -> None:
    """Nothing came after it that would show a gap."""
    assert dict(compare(expected, stream, expected.topic(stream)[:-1]).counts) == {kind: 1}


def test_a_state_that_lacks_an_entity_is_told(expected: Recorder) -> None:
    """Compaction keeps the last document of each."""
    topic = [record for record in expected.topic("state") if record.key != IDS[1].encode()]
    assert dict(compare(expected, "state", topic).counts) == {Kind.STATE_MISSING: 1}


def test_a_state_that_went_back_is_told(expected: Recorder) -> None:
    """A document that is right but not the last."""
    topic = expected.topic("state")
    found = compare(expected, "state", [*topic, topic[0]])
    assert dict(found.counts) == {Kind.STATE_DIFFERS: 1}
    assert "input offset 0" in found.first[Kind.STATE_DIFFERS][0].detail


def test_a_state_of_input_that_is_not_logged_is_told(expected: Recorder) -> None:
    """Recovery would take all states up to there for sent, though the document is the right one."""
    topic = expected.topic("state")
    same = replace(topic[-1], headers=(("content-type", b"application/json"), ("inputoffset", b"6")))
    assert not compare(expected, "state", [*topic, same]).counts
    ahead = replace(same, headers=(*same.headers[:1], ("inputoffset", b"7")))
    found = compare(expected, "state", [*topic, ahead])
    assert dict(found.counts) == {Kind.STATE_DIFFERS: 1}
    assert "input offset 7" in found.first[Kind.STATE_DIFFERS][0].detail


def test_a_gap_in_the_middle_is_told(expected: Recorder) -> None:
    """The subject jumps from one sequence to the next but one."""
    topic = [r for r in expected.topic("events") if r.key == IDS[0].encode()]
    rest = [r for r in expected.topic("events") if r.key != IDS[0].encode()]
    assert len(topic) >= 2
    counts = compare(expected, "events", [*rest, *topic[1:]]).counts
    assert counts[Kind.EVENTS_GAP] == 1
    assert counts[Kind.EVENTS_MISSING] == 1


@pytest.mark.parametrize(
    ("stream", "kind"),
    [("events", Kind.EVENTS_UNCAUSED), ("state", Kind.STATE_UNCAUSED), ("dead", Kind.DEAD_UNCAUSED)],
)
def test_what_nothing_caused_is_told(expected: Recorder, stream: str, kind: Kind) -> None:
    """Whatever it says that it comes from."""
    topic = expected.topic(stream)
    stranger = Stands(99, b"stranger", b'{"subject":"stranger","sequence":1}', (("inputoffset", b"999"),))
    assert dict(compare(expected, stream, [*topic, stranger]).counts) == {kind: 1}


def test_what_the_topic_no_longer_keeps_is_excused(expected: Recorder) -> None:
    """Only the beginning of events can be gone: what its first record's cause comes before."""
    topic = expected.topic("events")
    kept = [r for r in topic if int(dict(r.headers)["inputoffset"] or 0) >= 4]
    gone = Gone(len(topic) - len(kept), 1_000)
    found = compare(expected, "events", kept, gone)
    assert not found.counts
    assert found.excused["events"] == len(topic) - len(kept)
    without_last = compare(expected, "events", kept[:-1], gone)
    assert dict(without_last.counts) == {Kind.EVENTS_MISSING: 1}


@pytest.mark.parametrize(
    ("before", "most", "missing"),
    [
        (1_000, 4, 0),
        (1_000, 1, 3),  # one was removed, so three of those before the first kept never stood there
        (1_002, 2, 2),  # two went by their age, and nothing else can be gone
        (1_002, 3, 1),
        (1_002, 1, 2),  # of what is that old the topic owes nothing
        (2_000, 1, 0),
        (1_000, 100, 0),  # doubles took offsets, too
    ],
)
def test_no_more_is_excused_than_can_have_been_removed(
    expected: Recorder, before: int, most: int, missing: int
) -> None:
    """What was lost is told, though it comes before the first record that is kept."""
    kept = expected.topic("events")[-2:]
    found = compare(expected, "events", kept, Gone(most, before))
    assert found.counts[Kind.EVENTS_MISSING] == missing
    assert sum(found.counts.values()) == missing
    assert found.excused["events"] == 4 - missing


def test_a_lost_dead_letter_is_told_though_a_later_one_is_kept(expected: Recorder) -> None:
    """As of events."""
    expected.fold([InputRecord(7, 1_007, b"broken", b"[")])
    kept = expected.topic("dead")[-1:]
    assert not compare(expected, "dead", kept, Gone(1, 1_000)).counts
    expected.fold([InputRecord(8, 1_008, b"broken", b"[")])
    kept = expected.topic("dead")[-1:]
    assert dict(compare(expected, "dead", kept, Gone(1, 1_000)).counts) == {Kind.DEAD_MISSING: 1}


def test_doubles_of_a_dead_letter_are_equal_though_its_input_is_gone() -> None:
    """What was refused can't be told any more, but not both can be it."""
    expected = Recorder()
    expected.take([read_input(AGGREGATE, 0, 1, record) for record in inputs()], {3})
    (letter,) = expected.topic("dead")
    assert not compare(expected, "dead", [letter, letter]).counts
    assert dict(compare(expected, "dead", [letter, changed(letter)]).counts) == {Kind.DEAD_DIFFERS: 1}


@pytest.mark.parametrize(
    ("stream", "count", "kind"), [("events", 6, Kind.EVENTS_MISSING), ("dead", 1, Kind.DEAD_MISSING)]
)
def test_where_nothing_is_kept_age_alone_excuses(
    expected: Recorder, stream: str, count: int, kind: Kind
) -> None:
    """What followed from an input of yesterday was never published, if the topic keeps it for weeks."""
    all_old = compare(expected, stream, [], Gone(count, 2_000))
    assert not all_old.counts
    assert all_old.excused[stream] == count
    assert dict(compare(expected, stream, [], Gone(count, 1_000)).counts) == {kind: count}
    some = compare(expected, stream, [], Gone(count, 1_003))
    assert some.counts[kind] > 0
    assert some.counts[kind] + some.excused[stream] == count


@pytest.mark.parametrize(
    ("stream", "missing", "kind"), [("events", 3, Kind.EVENTS_MISSING), ("dead", 1, Kind.DEAD_MISSING)]
)
def test_age_is_each_inputs_own(stream: str, missing: int, kind: Kind) -> None:
    """What a quiet partition gets in months may be folded in one batch, and its last input is of yesterday."""
    expected = Recorder()
    expected.take([read_input(AGGREGATE, 0, 1, record) for record in inputs()], set())
    found = compare(expected, stream, [], Gone(6, 1_003))
    assert dict(found.counts) == {kind: missing}


@pytest.mark.parametrize("stream", ["events", "state", "dead"])
def test_what_came_after_it_settled_may_be_on_its_way(stream: str) -> None:
    """Traffic goes on while the topics are read: they may have it or not, but nothing else."""
    expected = Recorder()
    records = list(inputs())
    expected.fold(records[:3])
    before = expected.topic(stream)
    expected.settle()
    expected.fold(records[3:])
    for reach in range(len(before), len(expected.topic(stream)) + 1):
        found = compare(expected, stream, expected.topic(stream)[:reach])
        assert not found.counts, (reach, found)
    if before:
        assert compare(expected, stream, before[:-1]).counts
