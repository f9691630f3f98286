"""Records where they don't belong, records in transactions, and bodies that look odd but are right."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from tests.e2e.broken import encoded, entity_on, good
from tests.real.deployment import Deployment
from tests.real.oracle import audit
from tests.real.topics import Push, partition_for

pytestmark = pytest.mark.real


MISPLACED = {
    "another client's partitioner": (None, 1),
    "no key": (b"", 1),
    "another key": (b"customer-7", 3),
}


@pytest.mark.parametrize("service", ["operations", "executions"])
@pytest.mark.parametrize("case", MISPLACED)
async def test_a_misplaced_record_is_folded_at_home_and_only_there(
    deployment: Deployment, service: str, case: str
) -> None:
    """Section 1: appended to its right partition, key mended, headers kept and one added; `forwarded` in the log."""
    told_key, astray = MISPLACED[case]
    entity = entity_on((astray + 1) % 6)
    key = entity.encode() if told_key is None else told_key or None
    body = encoded(good(service, entity))
    headers = (("trace", b"\xff\x00"), ("empty", None))
    place = (await deployment.push([Push(deployment.topic(f"{service}.in"), body, key, headers, astray)]))[0]
    records = {record["verdict"]: record for record in await deployment.logged(service, entity)}

    assert records.keys() == {"forwarded", "applied"}
    forwarded, applied = records["forwarded"], records["applied"]
    assert (forwarded["inputpartition"], forwarded["inputoffset"]) == (astray, place.offset)
    assert forwarded["sequence"] is None
    assert forwarded["partitionkey"] == entity
    assert applied["inputpartition"] == (astray + 1) % 6
    assert applied["sequence"] == 1
    inputs = (await deployment.read(f"{service}.in"))[(astray + 1) % 6]
    copy = next(one for one in inputs if one.offset == applied["inputoffset"])
    assert (copy.key, copy.value) == (entity.encode(), body)
    assert copy.headers == (*headers, ("forwarded-from", str(place).encode()))


async def test_upper_case_uuids_are_the_same_entity(deployment: Deployment) -> None:
    """Section 1: routing keys are the UUID in lower case, whatever the sender's key; the sender's spelling stays."""
    entity = "abcdef01-5e7c-456f-9759-73e02db8b5d9"
    body = encoded(good("operations", entity.upper()))
    await deployment.push([Push(deployment.topic("operations.in"), body, entity.upper().encode())])
    last = (await deployment.logged("operations", entity))[-1]
    assert (last["verdict"], last["partitionkey"], last["correlationid"]) == ("applied", entity, entity)
    assert last["inputpartition"] == partition_for(entity.encode(), 6)
    assert last["data"]["id"] == entity.upper()


ODD_BUT_RIGHT: dict[str, tuple[str, dict[str, Any]]] = {
    "a status_reason of null": ("operations", {"status_reason": None}),
    "an unknown reason": ("operations", {"status_reason": "moon_phase"}),
    "an unknown type": ("operations", {"type": "rebalance"}),
    "rounded thirds": (
        "operations",
        {"allocations": [{"underlying_currency": c, "weight": "0.33"} for c in "ABC"]},
    ),
    "extra fields of all kinds": ("executions", {"note": {"a": [1.50, None, True]}, "fee": 1, "x y": "z"}),
    "a time with an offset": ("executions", {"updated_at": "2026-05-29T20:56:46.123456789+02:00"}),
    "a time in lower case": ("executions", {"updated_at": "2026-05-29t18:56:46z"}),
    "no trader": ("executions", {"trader_id": "", "account_label": ""}),
    "an amount of 18 digits on each side": (
        "executions",
        {
            "status": "awaiting_execution",
            "instructions": [
                {
                    "underlying_currency": "BTC",
                    "quoted_currency": "USD",
                    "side": "buy",
                    "amount": "-999999999999999999.000000000000000001",
                    "amount_type": "notional",
                    "status": "on the moon",
                    "status_reason": "",
                }
            ],
        },
    ),
    "text in every script": ("executions", {"participant_code": 'Ünïcode 漢字 \u2028 \u0000 🙂 " \\'}),
}


@pytest.mark.parametrize("case", ODD_BUT_RIGHT)
async def test_what_is_odd_but_right_is_applied_and_kept(deployment: Deployment, case: str) -> None:
    """Section 2: nothing is refused for being unknown, and what was sent is what is kept."""
    service, change = ODD_BUT_RIGHT[case]
    entity = str(uuid.uuid4())
    document = {**good(service, entity), **change}
    await deployment.push([Push(deployment.topic(f"{service}.in"), encoded(document), entity.encode())])
    last = (await deployment.logged(service, entity))[-1]
    assert (last["verdict"], last["data"]) == ("applied", document)
    names = deployment.names
    key = names.entity(service, partition_for(entity.encode(), 6), entity)
    await deployment.settle()
    async with Redis.from_url(deployment.servers.redis, decode_responses=True) as redis:
        fields = await redis.hgetall(key)
    wanted = {
        name: value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
        for name, value in document.items()
    }
    if document["status_reason"] is None:
        wanted["status_reason"] = ""
    assert {name: fields[name] for name in wanted} == wanted
    if service == "operations":
        assert fields["weights_rounded"] == ("1" if case == "rounded thirds" else "0")


async def test_an_unknown_status_is_ignored_and_kept(deployment: Deployment) -> None:
    """Section 2: it takes a sequence, but the entity has no status and is in no status index."""
    entity = str(uuid.uuid4())
    document = {**good("executions", entity), "status": "teleported"}
    await deployment.push([Push(deployment.topic("executions.in"), encoded(document), entity.encode())])
    last = (await deployment.logged("executions", entity))[-1]
    assert (last["verdict"], last["sequence"]) == ("ignored", 1)
    await deployment.settle()
    home = partition_for(entity.encode(), 6)
    async with Redis.from_url(deployment.servers.redis, decode_responses=True) as redis:
        fields = await redis.hgetall(deployment.names.entity("executions", home, entity))
        indexes = [key async for key in redis.scan_iter(match=f"*{deployment.namespace}:*by:*")]
        within = [key for key in indexes if await redis.zscore(key, entity) is not None]
    assert (fields["status"], fields["sequence"]) == ("null", "1")
    assert within == []


async def test_an_aborted_transaction_is_never_folded_and_a_committed_one_is(deployment: Deployment) -> None:
    """Section 1: committed records only; the markers between them are holes in the offsets and stop nothing."""
    topic = deployment.topic("executions.in")
    aborted, committed, after = (entity_on(2) for _ in range(3))
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.servers.kafka, transactional_id=f"t-{uuid.uuid4().hex}"
    )
    await producer.start()
    try:
        for entity, good_end in ((aborted, False), (committed, True)):
            await producer.begin_transaction()
            body = encoded(good("executions", entity))
            await producer.send_and_wait(topic, body, key=entity.encode(), partition=2)
            await (producer.commit_transaction() if good_end else producer.abort_transaction())
    finally:
        await producer.stop()
    await deployment.push([Push(topic, encoded(good("executions", after)), after.encode())])
    last = (await deployment.logged("executions", after))[-1]
    first = (await deployment.logged("executions", committed))[-1]
    assert (first["verdict"], last["verdict"]) == ("applied", "applied")
    # between the two lies the marker of the commit
    assert last["inputoffset"] == first["inputoffset"] + 2
    assert last["previousinputoffset"] == first["inputoffset"]
    everything = [
        one.value or b""
        for name in ("log", "dead")
        for run in (await deployment.read(f"executions.{name}")).values()
        for one in run
    ]
    assert not any(aborted.encode() in value for value in everything)


async def test_nothing_was_lost_or_changed(deployment: Deployment) -> None:
    """The whole of both services, by the oracle of the fault runs."""
    found = await audit(deployment)
    assert not found.violations, str(found)
