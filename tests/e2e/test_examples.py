"""Every example payload of 000 and 003, pushed to its topic, seen everywhere that the contract says, to the digit."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from redis.asyncio import Redis

from tests.e2e.examples import (
    EXECUTION_AWAITING,
    EXECUTION_REJECTED,
    EXECUTION_SETTLED,
    OPERATION_FAILED,
    OPERATION_PRICING,
    OPERATION_SETTLED,
)
from tests.real.deployment import Deployment
from tests.real.topics import Push, Stored, partition_for
from tests.real.twin import Keys, stored

pytestmark = pytest.mark.real

ENROLLMENT = "663a258c-5e7c-456f-9759-73e02db8b5d9"
TOP_UP = "7fb46299-9e74-4c14-9f04-172a005e9aca"
FILLED = "97b215ed-6985-32c5-b856-77efc9614467"
REFUSED = "ae96845f-562a-32f7-9b67-073ed10a20c3"
FIRST_STRATEGY = "9ba5e569-a966-42a9-a7ad-666b0a5300f3"
SECOND_STRATEGY = "78e8282c-2363-40c2-879a-52e1ee090e45"
TRADER = "bd92c25a-eaf8-3e95-ab7a-59f3e2275234"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")


@dataclass(frozen=True)
class Seen:
    """All that stands in Kafka and Redis once the six examples are folded."""

    deployment: Deployment
    topics: dict[str, dict[int, list[Stored]]]
    redis: Keys

    def of(self, topic: str, subject: str) -> list[Stored]:
        """A topic's records that speak of an entity, from its own partition; all of them lie there."""
        home = partition_for(subject.encode(), 6)
        for partition, records in self.topics[topic].items():
            if partition != home:
                assert subject.encode() not in {record.key for record in records}
        return [record for record in self.topics[topic][home] if record.key == subject.encode()]

    def key(self, service: str, subject: str, rest: str) -> Any:
        """What Redis holds under a key, without the namespace, of the entity's partition."""
        tag = f"{{{service}.{partition_for(subject.encode(), 6)}}}"
        return self.redis.get(f"{self.deployment.namespace}:{tag}:{rest}")


_seen: list[Seen] = []


@pytest.fixture
async def seen(deployment: Deployment) -> Seen:
    """Push the examples of 003, then those of 000, once; what that led to."""
    if not _seen:
        executions = (EXECUTION_AWAITING, EXECUTION_SETTLED, EXECUTION_REJECTED)
        operations = (OPERATION_PRICING, OPERATION_SETTLED, OPERATION_FAILED)
        for service, bodies in (("executions", executions), ("operations", operations)):
            topic = deployment.topic(f"{service}.in")
            await deployment.push([Push(topic, body, json.loads(body)["id"].encode()) for body in bodies])
            await deployment.settle()
        names = [
            f"{s}.{t}" for s in ("operations", "executions") for t in ("in", "log", "events", "state", "dead")
        ]
        topics = {name: await deployment.read(name) for name in names}
        async with Redis.from_url(deployment.servers.redis) as redis:
            _seen.append(Seen(deployment, topics, await stored(redis, f"{deployment.namespace}:")))
    return _seen[0]


def documents(records: list[Stored]) -> list[dict[str, Any]]:
    """The records' JSON."""
    return [json.loads(record.value or b"") for record in records]


def public(fields: dict[str, bytes]) -> dict[str, str]:
    """A projection without what is private to the fold, and without the broker's times, which are RFC 3339 in ms."""
    shown = {name: value.decode() for name, value in fields.items() if not name.startswith("_")}
    for name in ("first_recorded_at", "last_recorded_at"):
        assert TIME.fullmatch(shown.pop(name))
    return shown


BTC_FILL = (
    '{"underlying_currency":"BTC","quoted_currency":"USD","side":"buy","amount":"5","amount_type":"notional",'
    '"status":"executed","status_reason":"","price":"73471.612589025","quantity":"0.00006805","total_notional":"5",'
    '"trade_ids":["19f7ae72-48ff-3d37-99e6-24840b83e9c6"],"executed_at":"2026-05-29T18:56:46Z"}'
)
ETH_FILL = (
    '{"underlying_currency":"ETH","quoted_currency":"USD","side":"buy","amount":"5","amount_type":"notional",'
    '"status":"executed","status_reason":"","price":"2018.06059005","quantity":"0.0024776263035175",'
    '"total_notional":"5","trade_ids":["3f6ef014-fd8f-3897-958e-b6b7eaba14f5"],"executed_at":"2026-05-29T18:56:46Z"}'
)
WEIGHTS = '[{"underlying_currency":"BTC","weight":"0.5"},{"underlying_currency":"ETH","weight":"0.5"}]'
PROJECTIONS: dict[str, dict[str, str]] = {
    ENROLLMENT: {
        "id": ENROLLMENT,
        "strategy_id": FIRST_STRATEGY,
        "request_id": "e4edff9d-422e-41e2-a2a2-a887c6444fde",
        "type": "enrollment",
        "status": "settled",
        "status_reason": "",
        "allocations": WEIGHTS,
        "created_at": "2026-05-29T18:56:43Z",
        "updated_at": "2026-05-29T18:56:46Z",
        "sequence": "4",
        "disputed": "0",
        "weights_rounded": "0",
        "executions": '{"total":1,"awaiting_execution":0,"settled":1,"rejected":0,"skipped":0}',
        "execution_ids": f'["{FILLED}"]',
    },
    TOP_UP: {
        "id": TOP_UP,
        "strategy_id": SECOND_STRATEGY,
        "request_id": "bd64a9bd-0f65-481b-af7a-03e033bc920c",
        "type": "top_up",
        "status": "failed",
        "status_reason": "all_rejected",
        "allocations": WEIGHTS,
        "created_at": "2026-05-29T18:40:29Z",
        "updated_at": "2026-05-29T18:40:29Z",
        "sequence": "2",
        "disputed": "0",
        "weights_rounded": "0",
        "executions": '{"total":1,"awaiting_execution":0,"settled":0,"rejected":1,"skipped":0}',
        "execution_ids": f'["{REFUSED}"]',
    },
    FILLED: {
        "id": FILLED,
        "strategy_id": FIRST_STRATEGY,
        "operation_id": ENROLLMENT,
        "trader_id": TRADER,
        "participant_code": "ABC123",
        "account_label": FIRST_STRATEGY,
        "status": "settled",
        "status_reason": "",
        "instructions": f"[{BTC_FILL},{ETH_FILL}]",
        "created_at": "2026-05-29T18:56:43Z",
        "updated_at": "2026-05-29T18:56:46Z",
        "sequence": "2",
        "disputed": "0",
    },
    REFUSED: {
        "id": REFUSED,
        "strategy_id": SECOND_STRATEGY,
        "operation_id": TOP_UP,
        "trader_id": "",
        "participant_code": "ABC123",
        "account_label": "",
        "status": "rejected",
        "status_reason": "trader_not_enrolled",
        "instructions": "[]",
        "created_at": "2026-05-29T18:40:29Z",
        "updated_at": "2026-05-29T18:40:29Z",
        "sequence": "1",
        "disputed": "0",
    },
}
SERVICE = {ENROLLMENT: "operations", TOP_UP: "operations", FILLED: "executions", REFUSED: "executions"}


@pytest.mark.parametrize("subject", PROJECTIONS)
def test_the_projection_has_the_sources_fields_and_the_senders_own_digits(seen: Seen, subject: str) -> None:
    """Section 3: the source's names, nested values as JSON, the bookkeeping, and what the service adds."""
    service = SERVICE[subject]
    assert public(seen.key(service, subject, f"{service[:-1]}:{subject}")) == PROJECTIONS[subject]


@pytest.mark.parametrize("subject", PROJECTIONS)
def test_the_state_topic_has_the_same_document_as_json(seen: Seen, subject: str) -> None:
    """Section 3: nested values as they are, `sequence` a number, flags booleans, nothing private; compacted by id."""
    service = SERVICE[subject]
    fields = seen.key(service, subject, f"{service[:-1]}:{subject}")
    last = seen.of(f"{service}.state", subject)[-1]
    wanted: dict[str, Any] = dict(PROJECTIONS[subject])
    for name in ("instructions", "allocations", "executions", "execution_ids"):
        if name in wanted:
            wanted[name] = json.loads(wanted[name])
    wanted["sequence"] = int(wanted["sequence"])
    for name in ("disputed", "weights_rounded"):
        if name in wanted:
            wanted[name] = wanted[name] == "1"
    for name in ("first_recorded_at", "last_recorded_at"):
        wanted[name] = fields[name].decode()
    assert json.loads(last.value or b"") == wanted


@pytest.mark.parametrize("subject", PROJECTIONS)
def test_indexes_hold_the_entity_under_its_status_and_strategy_only(seen: Seen, subject: str) -> None:
    """Section 3: sorted sets by the broker's time of the last applied record; earlier statuses are left."""
    service, projection = SERVICE[subject], PROJECTIONS[subject]
    tag = f"{{{service}.{partition_for(subject.encode(), 6)}}}:by:"
    prefix = f"{seen.deployment.namespace}:{tag}"
    found = {
        key.removeprefix(prefix): members[subject]
        for key, members in seen.redis.items()
        if key.startswith(prefix) and subject in members
    }
    last_input = _last_applied(seen, service, subject)
    assert found == {
        f"status:{projection['status']}": float(last_input),
        f"strategy:{projection['strategy_id']}": float(last_input),
    }


def _last_applied(seen: Seen, service: str, subject: str) -> int:
    record = documents(seen.of(f"{service}.log", subject))[-1]
    inputs = seen.topics[f"{service}.in"][record["inputpartition"]]
    return next(one.at for one in inputs if one.offset == record["inputoffset"])


LOGGED: dict[str, list[bytes | None]] = {
    ENROLLMENT: [None, None, OPERATION_PRICING, OPERATION_SETTLED],
    TOP_UP: [None, OPERATION_FAILED],
    FILLED: [EXECUTION_AWAITING, EXECUTION_SETTLED],
    REFUSED: [EXECUTION_REJECTED],
}


@pytest.mark.parametrize("subject", LOGGED)
def test_the_log_accounts_for_each_input_in_an_envelope(seen: Seen, subject: str) -> None:
    """Section 2: every attribute of the envelope, `data` last and as the source wrote it."""
    service = SERVICE[subject]
    records = seen.of(f"{service}.log", subject)
    assert len(records) == len(LOGGED[subject])
    for sequence, (stored_record, body) in enumerate(zip(records, LOGGED[subject], strict=True), 1):
        record = json.loads(stored_record.value or b"")
        source = next(
            one
            for one in seen.topics[f"{service}.in"][record["inputpartition"]]
            if one.offset == record["inputoffset"]
        )
        if body is not None:
            assert source.value == body
            assert (stored_record.value or b"").endswith(b',"data":' + body + b"}")
        data = json.loads(source.value or b"")
        assert UUID(record["id"]).version == 5
        assert record == {
            "specversion": "1.0",
            "id": record["id"],
            "type": f"stratafold.{service[:-1]}.observed.v1",
            "source": f"/stratafold/{service}",
            "subject": subject,
            "time": data["updated_at"].replace("Z", ".000Z"),
            "recordedtime": _rfc3339(source.at),
            "sequence": sequence,
            "partitionkey": subject,
            "correlationid": subject if service == "operations" else data["operation_id"],
            "causationid": None,
            "datacontenttype": "application/json",
            "inputtopic": seen.deployment.topic(f"{service}.in"),
            "inputpartition": partition_for(subject.encode(), 6),
            "inputoffset": source.offset,
            "previousinputoffset": source.offset - 1,
            "verdict": "applied",
            "data": data,
        }
        assert list(record)[-1] == "data"
        assert dict(stored_record.headers)["content-type"] == b"application/cloudevents+json"


def _rfc3339(ms: int) -> str:
    from datetime import UTC, datetime

    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"


@pytest.mark.parametrize("subject", LOGGED)
def test_the_history_is_the_entitys_log_records_byte_for_byte(seen: Seen, subject: str) -> None:
    """Section 3: in order."""
    service = SERVICE[subject]
    history = seen.key(service, subject, f"{service[:-1]}:{subject}:log")
    assert history == [record.value for record in seen.of(f"{service}.log", subject)]


_FIRST_OWNER = {
    "strategy_id": FIRST_STRATEGY,
    "operation_id": ENROLLMENT,
    "trader_id": TRADER,
    "participant_code": "ABC123",
    "account_label": FIRST_STRATEGY,
}
_SECOND_OWNER = {
    "strategy_id": SECOND_STRATEGY,
    "operation_id": TOP_UP,
    "trader_id": "",
    "participant_code": "ABC123",
    "account_label": "",
}
_SETTLED_ONE = {"total": 1, "settled": 1, "rejected": 0, "skipped": 0}
_REJECTED_ONE = {"total": 1, "settled": 0, "rejected": 1, "skipped": 0}
EVENTS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    FILLED: [
        ("execution.created", _FIRST_OWNER | {"status": "awaiting_execution"}),
        ("instruction.executed", json.loads(BTC_FILL)),
        ("instruction.executed", json.loads(ETH_FILL)),
        ("execution.settled", _FIRST_OWNER | {"status": "settled", "status_reason": ""}),
    ],
    REFUSED: [
        ("execution.created", _SECOND_OWNER | {"status": "rejected"}),
        (
            "execution.rejected",
            _SECOND_OWNER | {"status": "rejected", "status_reason": "trader_not_enrolled"},
        ),
    ],
    ENROLLMENT: [
        ("operation.started", {"strategy_id": FIRST_STRATEGY, "type": "enrollment", "status": "pricing"}),
        ("operation.status_changed", {"from": "pricing", "to": "settled", "dwell_ms": 3000}),
        (
            "operation.completed",
            {"status": "settled", "status_reason": "", "duration_ms": 3000, "executions": _SETTLED_ONE},
        ),
    ],
    TOP_UP: [
        ("operation.started", {"strategy_id": SECOND_STRATEGY, "type": "top_up", "status": "failed"}),
        (
            "operation.completed",
            {
                "status": "failed",
                "status_reason": "all_rejected",
                "duration_ms": 0,
                "executions": _REJECTED_ONE,
            },
        ),
    ],
}


@pytest.mark.parametrize("subject", EVENTS)
def test_the_derived_events_follow_in_order(seen: Seen, subject: str) -> None:
    """Section 2: types, their data, a sequence of their own, the log record that caused them."""
    service = SERVICE[subject]
    events = documents(seen.of(f"{service}.events", subject))
    causes = {record["id"]: record for record in documents(seen.of(f"{service}.log", subject))}
    assert [event["type"] for event in events] == [f"stratafold.{name}.v1" for name, _ in EVENTS[subject]]
    assert [event["sequence"] for event in events] == list(range(1, len(events) + 1))
    assert len({event["id"] for event in events}) == len(events)
    for event, (_, data) in zip(events, EVENTS[subject], strict=True):
        cause = causes[event["causationid"]]
        same = (
            "source",
            "subject",
            "time",
            "recordedtime",
            "partitionkey",
            "correlationid",
            "datacontenttype",
        )
        assert {name: event[name] for name in same} == {name: cause[name] for name in same}
        assert event["data"].items() >= data.items()
        assert (event["specversion"], UUID(event["id"]).version) == ("1.0", 5)


def test_each_applied_status_of_an_execution_is_told_to_its_operation(seen: Seen) -> None:
    """Section 1: one `execution.outcome` for each, `awaiting_execution` too."""
    outcomes = [
        {
            "event": "execution.outcome",
            "id": ENROLLMENT,
            "execution_id": FILLED,
            "status": status,
            "status_reason": "",
            "strategy_id": FIRST_STRATEGY,
            "updated_at": at,
        }
        for status, at in (
            ("awaiting_execution", "2026-05-29T18:56:43Z"),
            ("settled", "2026-05-29T18:56:46Z"),
        )
    ]
    assert documents(seen.of("operations.in", ENROLLMENT))[:2] == outcomes
    assert documents(seen.of("operations.in", TOP_UP))[0] == {
        "event": "execution.outcome",
        "id": TOP_UP,
        "execution_id": REFUSED,
        "status": "rejected",
        "status_reason": "trader_not_enrolled",
        "strategy_id": SECOND_STRATEGY,
        "updated_at": "2026-05-29T18:40:29Z",
    }


def test_the_counters_say_what_was_folded(seen: Seen) -> None:
    """Section 3: absolute values of the partition."""
    counters = seen.key("operations", TOP_UP, "counters")
    assert {name: int(value) for name, value in counters.items()} == {
        "in_total": 2,
        "applied_total": 2,
        "late_total": 0,
        "conflict_total": 0,
        "ignored_total": 0,
        "duplicate_total": 0,
        "quarantined_total": 0,
        "forwarded_total": 0,
        "events_total": 2,
        "entities": 1,
        "disputed": 0,
        "reason:all_rejected": 1,
    }
