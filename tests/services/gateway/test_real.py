"""Against a real Kafka: what a sender was told is what a consumer finds."""

from __future__ import annotations

import asyncio
import json
import signal
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.partitioner import murmur2

from libs.contracts.names import Names
from libs.local.ports import free_port
from libs.runtime.kafka_access import KafkaAccess
from services.gateway.examples import EXAMPLES
from services.gateway.intake import WEBHOOKS, Accepted
from services.gateway.ports import Unavailable
from services.gateway.probe import writable
from services.gateway.producer import Cluster, Deadlines, KafkaProducer
from tests.services.gateway.harness import EXECUTION, EXECUTIONS, OPERATIONS, body, until
from tests.services.gateway.process import SECRET, Gateway, gateway, refused

pytestmark = pytest.mark.real

PARTITIONS = 3


@pytest.fixture
def running(tmp_path: Path, kafka: str, namespace: str) -> Iterator[Gateway]:
    with gateway(tmp_path / "log", kafka=kafka, namespace=namespace, partitions=PARTITIONS) as one:
        one.wait(200)
        yield one


async def records(servers: str, topic: str) -> list[ConsumerRecord[Any, Any]]:
    """All records of a topic."""
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer: AIOKafkaConsumer[Any, Any] = AIOKafkaConsumer(
        bootstrap_servers=servers, isolation_level="read_committed", auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        consumer.assign(places)
        await consumer.seek_to_beginning(*places)
        left = sum((await consumer.end_offsets(places)).values())
        found: list[ConsumerRecord[Any, Any]] = []
        while len(found) < left:
            for some in (await consumer.getmany(timeout_ms=500)).values():
                found += some
        return found
    finally:
        await consumer.stop()


async def test_the_sources_examples_lie_in_kafka_byte_for_byte(
    running: Gateway, kafka: str, namespace: str
) -> None:
    for webhook in WEBHOOKS:
        sent = [
            json.dumps(example, indent=indent).encode()
            for example in EXAMPLES[webhook.service].values()
            for indent in (None, 4)
        ]
        for content in sent:
            response = await asyncio.to_thread(running.post, webhook.path, content)
            assert response.status_code == 202, response.text
        found = await records(kafka, Names(namespace).topic(f"{webhook.service}.in"))
        assert sorted(record.value for record in found) == sorted(sent)
        for record in found:
            key = json.loads(record.value)["id"].encode()
            assert record.key == key
            assert record.partition == (murmur2(key) & 0x7FFFFFFF) % PARTITIONS
            assert dict(record.headers)["webhook-id"] == b"msg_1"
            assert record.timestamp_type == 1, "the broker's time, not the sender's"


async def test_what_is_refused_leaves_nothing_in_kafka(running: Gateway, kafka: str, namespace: str) -> None:
    refusals = [(OPERATIONS, b"{}", 422), (EXECUTIONS, b"[", 400), (OPERATIONS, b"x" * 300_000, 413)]
    for path, content, status in refusals:
        response = await asyncio.to_thread(running.post, path, content)
        assert (response.status_code, response.json()["status"]) == (status, status)
    for webhook in WEBHOOKS:
        assert await records(kafka, Names(namespace).topic(f"{webhook.service}.in")) == []


def test_sigterm_ends_it_cleanly_after_it_has_worked(running: Gateway) -> None:
    assert running.post(EXECUTIONS, body(EXECUTION)).status_code == 202
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(15) == 0
    assert "Traceback" not in running.log.read_text()


def test_another_number_of_partitions_than_the_topics_have_ends_it_with_status_2(
    running: Gateway, kafka: str, namespace: str
) -> None:
    for create in (True, False):
        status, said = refused(
            kafka=kafka,
            namespace=namespace,
            partitions=PARTITIONS + 1,
            webhook_secrets=SECRET,
            gateway_port=free_port(),
            create_topics=create,
        )
        assert (status, "STRATAFOLD_PARTITIONS" in said.splitlines()[-1]) == (2, True)


def accepted(number: int = 0) -> Accepted:
    content = body(EXECUTION, id=str(uuid.UUID(int=number)))
    return Accepted("executions", str(uuid.UUID(int=number)), content, ())


async def test_missing_topics_are_waited_for_where_they_may_not_be_created(
    kafka: str, namespace: str
) -> None:
    producer = KafkaProducer(Cluster(KafkaAccess(kafka), Names(namespace), PARTITIONS, create_topics=False))
    running = asyncio.create_task(producer.run())
    try:
        await until(lambda: "does not exist" in (producer.obstacle() or ""))
        with pytest.raises(Unavailable, match="does not exist"):
            await producer.append(accepted())
        assert not await writable(KafkaAccess(kafka), [Names(namespace).topic("executions.in")], 5)
    finally:
        running.cancel()


async def test_a_producer_whose_deliveries_fail_for_good_is_made_anew(kafka: str, namespace: str) -> None:
    """The broker refuses a hole in the sequence numbers for ever; a producer that is kept would never write again."""
    names = Names(namespace)
    producer = KafkaProducer(Cluster(KafkaAccess(kafka), names, PARTITIONS), Deadlines(pause=0.2))
    running = asyncio.create_task(producer.run())
    try:
        await until(lambda: producer.obstacle() is None)
        await producer.append(accepted())
        first = producer._producer
        for number in range(PARTITIONS):
            first._txn_manager.increment_sequence_number(
                TopicPartition(names.topic("executions.in"), number), 7
            )
        with pytest.raises(Unavailable):
            await producer.append(accepted())
        await until(lambda: producer._producer not in (None, first))
        for number in range(20):
            await producer.append(accepted(number))
        assert await writable(KafkaAccess(kafka), [names.topic("executions.in")], 5)
    finally:
        running.cancel()
    assert len(await records(kafka, names.topic("executions.in"))) == 21
