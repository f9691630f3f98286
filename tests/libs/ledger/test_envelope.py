"""Log records and derived events are CloudEvents 1.0 in structured JSON mode, as section 2 of the contract has them."""

from __future__ import annotations

import json
from random import Random
from typing import Any
from uuid import NAMESPACE_URL, UUID, uuid5

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import About, Origin, continues, derived_event, log_record, parse_log_record
from libs.ledger.ids import RecordIds
from libs.ledger.times import rfc3339
from libs.ledger.verdict import Verdict
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.libs.ledger import histories
from tests.libs.ledger.folding import fold_input, records_of

_LOG = [
    *("specversion", "id", "type", "source", "subject", "time", "recordedtime", "sequence", "partitionkey"),
    *("correlationid", "causationid", "datacontenttype", "inputtopic", "inputpartition", "inputoffset"),
    *("previousinputoffset", "verdict", "data"),
]
_EVENT = [
    name for name in _LOG if not name.startswith("input") and name not in ("previousinputoffset", "verdict")
]
_offsets = st.integers(0, 2**53)
_instants = st.integers(0, 253_402_300_799_999)


@given(st.text(max_size=20), st.integers(0, 999), st.integers(0, 2**60), st.integers(0, 200))
def test_an_id_is_the_uuid5_of_topic_partition_offset_and_index(
    topic: str, partition: int, offset: int, index: int
) -> None:
    """As the uuid module computes it."""
    place = f"{topic}/{partition}"
    whole = f"{place}/{offset}/{index}"
    assert RecordIds(place).at(f"{offset}/{index}") == str(uuid5(uuid5(NAMESPACE_URL, "stratafold"), whole))


@given(
    st.integers(0, 99),
    _offsets,
    st.integers(-1, 2**53),
    _instants,
    st.none() | _instants,
    st.none() | st.uuids().map(str) | st.text(),
    st.sampled_from(list(Verdict)),
    st.none() | st.integers(1),
    st.dictionaries(
        st.text(), st.text() | st.integers(-(2**60), 2**60) | st.none() | st.lists(st.booleans())
    ),
)
def test_a_log_record_says_everything_and_is_read_back(
    partition: int,
    offset: int,
    previous: int,
    recorded: int,
    time: int | None,
    subject: str | None,
    verdict: Verdict,
    sequence: int | None,
    data: dict[str, Any],
) -> None:
    """Whatever the subject and the data hold; ``data`` stands last, and its bytes are those that came."""
    origin = Origin("operations", "x.operations.in", partition)
    about = About(offset, recorded, subject, subject, time, subject)
    own = json.dumps(data, indent=1).encode()
    value = log_record(origin, about, verdict, sequence, previous, b" \n" + own + b"\t")
    record = json.loads(value)
    assert list(record) == _LOG
    assert record == {
        "specversion": "1.0",
        "id": RecordIds(f"x.operations.in/{partition}").at(f"{offset}/0"),
        "type": "stratafold.operation.observed.v1",
        "source": "/stratafold/operations",
        "subject": subject,
        "time": None if time is None else rfc3339(time),
        "recordedtime": rfc3339(recorded),
        "sequence": sequence,
        "partitionkey": subject,
        "correlationid": subject,
        "causationid": None,
        "datacontenttype": "application/json",
        "inputtopic": "x.operations.in",
        "inputpartition": partition,
        "inputoffset": offset,
        "previousinputoffset": previous,
        "verdict": str(verdict),
        "data": data,
    }
    back = parse_log_record(value)
    assert (back.offset, back.previous, back.verdict, back.data) == (offset, previous, verdict, own)
    assert continues(back, previous)
    assert not continues(back, previous + 1)


@given(
    _offsets,
    _instants,
    st.none() | _instants,
    st.integers(1, 50),
    st.integers(1),
    st.dictionaries(st.text(), st.text()),
)
def test_a_derived_event_names_its_cause(
    offset: int, recorded: int, time: int | None, index: int, sequence: int, data: dict[str, str]
) -> None:
    """The log record's id; and the source's time, or the broker's where the source gives none."""
    origin = Origin("executions", "executions.in", 4)
    event = json.loads(
        derived_event(
            origin, About(offset, recorded, "s", "k", time, "c"), index, "execution.created", sequence, data
        )
    )
    ids = RecordIds("executions.in/4")
    assert list(event) == _EVENT
    assert event == {
        "specversion": "1.0",
        "id": ids.at(f"{offset}/{index}"),
        "type": "stratafold.execution.created.v1",
        "source": "/stratafold/executions",
        "subject": "s",
        "time": rfc3339(recorded if time is None else time),
        "recordedtime": rfc3339(recorded),
        "sequence": sequence,
        "partitionkey": "k",
        "correlationid": "c",
        "causationid": ids.at(f"{offset}/0"),
        "datacontenttype": "application/json",
        "data": data,
    }


@given(st.integers(0, 2**64).map(Random))
def test_every_record_of_a_history_is_a_cloud_event(rng: Random) -> None:
    """Of either service, from input of any kind."""
    story = histories.story(rng)
    both: list[tuple[Aggregate[Any], list[histories.Body]]]
    both = [(EXECUTIONS, story.bodies()), (OPERATIONS, story.operation)]
    for aggregate, bodies in both:
        outcome = fold_input(aggregate, records_of(histories.spoiled(rng, bodies)), partitions=2)
        for record in [*outcome.log, *outcome.events]:
            event = orjson.loads(record.value or b"")
            assert event["specversion"] == "1.0"
            assert UUID(event["id"]).version == 5
            assert all(name.isalnum() and name.islower() for name in event)
            assert isinstance(event["type"], str)
            assert event["source"] == f"/stratafold/{aggregate.service}"
            assert ("content-type", b"application/cloudevents+json") in record.headers
        assert len({orjson.loads(one.value or b"")["id"] for one in [*outcome.log, *outcome.events]}) == len(
            outcome.log
        ) + len(outcome.events)


@pytest.mark.parametrize(
    "value", [b"", b"{}", b"null", b'{"specversion":"1.0","data":{}}', b'{"previousinputoffset":1}']
)
def test_what_is_no_log_record_is_refused(value: bytes) -> None:
    """So that a foreign record in the log is noticed."""
    with pytest.raises(ValueError, match=r"."):
        parse_log_record(value)
