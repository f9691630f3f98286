"""What came compressed and grew when read: it fits into `.dead` again, and stops nothing."""

from __future__ import annotations

import zlib
from random import Random

import pytest
from aiokafka import AIOKafkaProducer

from tests.e2e.broken import encoded, entity_on, good
from tests.real.deployment import Deployment

pytestmark = pytest.mark.real

_SIZE = 6 * 1024 * 1024
_IN_TAKES = 2 * 1024 * 1024 + 64 * 1024  # bytes of a batch


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


async def test_a_misplaced_record_that_would_not_fit_again_is_buried_whole(deployment: Deployment) -> None:
    """As large as `in` takes, and nothing in it compresses: with its key and whence it came it would be larger."""
    entity = entity_on(0, deployment.partitions)
    body, after = encoded(good("executions", entity)), entity_on(1, deployment.partitions)
    noise = Random(1).randbytes(_IN_TAKES - len(body) - 200)
    producer = AIOKafkaProducer(
        bootstrap_servers=deployment.servers.kafka, max_batch_size=_SIZE, max_request_size=_SIZE
    )
    await producer.start()
    try:
        topic = deployment.topic("executions.in")
        await producer.send_and_wait(topic, body, partition=1, headers=[("noise", noise)])
        good_one = encoded(good("executions", after))
        await producer.send_and_wait(topic, good_one, key=after.encode(), partition=1)
    finally:
        await producer.stop()
    await deployment.settle()
    verdicts = {
        subject: [record["verdict"] for record in await deployment.logged("executions", subject)]
        for subject in (entity, after)
    }
    assert verdicts == {entity: ["quarantined"], after: ["applied"]}
    (letter,) = [
        record
        for run in (await deployment.read("executions.dead")).values()
        for record in run
        if record.value == body
    ]
    assert dict(letter.headers)["noise"] == noise
    assert dict(letter.headers)["error"] == b"too_large"
