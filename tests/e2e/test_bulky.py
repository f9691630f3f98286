"""What came compressed and grew when read: it fits into `.dead` again, and stops nothing."""

from __future__ import annotations

import zlib

import pytest
from aiokafka import AIOKafkaProducer

from tests.e2e.broken import encoded, entity_on, good
from tests.real.deployment import Deployment

pytestmark = pytest.mark.real

_SIZE = 6 * 1024 * 1024


async def test_a_record_larger_than_any_topic_takes_uncompressed_is_buried_whole(
    deployment: Deployment,
) -> None:
    """The broker counts compressed bytes: six MiB of one letter pass as some kilobytes."""
    body = b'{"a": "' + b"x" * _SIZE + b'"}'
    entity = entity_on(0, deployment.partitions)
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.servers.kafka, compression_type="gzip", max_request_size=4 * _SIZE
    )
    await producer.start()
    try:
        topic = deployment.topic("operations.in")
        await producer.send_and_wait(topic, body, partition=0)
        await producer.send_and_wait(
            topic, encoded(good("operations", entity, 1)), key=entity.encode(), partition=0
        )
    finally:
        await producer.stop()
    await deployment.settle()
    letters = [
        record
        for run in (await deployment.read("operations.dead")).values()
        for record in run
        if len(record.value or b"") == len(body)
    ]
    assert [zlib.crc32(letter.value or b"") for letter in letters] == [zlib.crc32(body)]
    assert dict(letters[0].headers)["error"] == b"too_large"
