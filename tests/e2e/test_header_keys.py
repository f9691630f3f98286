"""Header keys that are not UTF-8: other clients write them, for the broker does not look."""

from __future__ import annotations

import struct
import time

import pytest
from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.produce import ProduceRequest
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c

from tests.e2e.broken import encoded, entity_on, good
from tests.real.deployment import Deployment
from tests.real.topics import Place, Push

pytestmark = pytest.mark.real


async def _push_with_bytes_for_a_header_key(
    deployment: Deployment, topic: str, partition: int, body: bytes
) -> Place:
    """A record whose header key is not UTF-8, which no client writes and the broker takes."""
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=0,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1_000_000,
    )
    builder.append(0, timestamp=int(time.time() * 1000), key=b"k", value=body, headers=[("kkkkkk", b"v")])
    batch = bytearray(bytes(builder.build()).replace(b"kkkkkk", b"k\xff\xfe\x80kk"))
    struct.pack_into(">I", batch, 17, calc_crc32c(bytes(batch[21:])))
    client = AIOKafkaClient(bootstrap_servers=deployment.servers.kafka)
    await client.bootstrap()
    try:
        await client.add_topic(topic)
        await client.force_metadata_update()
        leader = client.cluster.leader_for_partition(TopicPartition(topic, partition))
        request = ProduceRequest(None, -1, 10_000, [(topic, [(partition, bytes(batch))])])
        answer = await client.send(leader, request)
    finally:
        await client.close()
    ((_, ((_, error, offset, *_),)),) = answer.topics
    assert error == 0
    return Place(topic, partition, offset)


async def test_a_header_key_that_is_not_utf_8_stops_no_partition(deployment: Deployment) -> None:
    """Section 1: nothing that lies in a topic stops it."""
    topic = deployment.topic("executions.in")
    odd, astray, after = entity_on(4), entity_on(3), entity_on(4)
    places = [
        await _push_with_bytes_for_a_header_key(deployment, topic, 4, body)
        for body in (encoded(good("executions", odd)), b"rubbish", encoded(good("executions", astray)))
    ]
    await deployment.push([Push(topic, encoded(good("executions", after)), after.encode())])
    verdicts = {
        subject: [record["verdict"] for record in await deployment.logged("executions", subject)]
        for subject in (odd, astray, after)
    }
    assert verdicts[odd] == verdicts[after] == ["applied"]
    assert sorted(verdicts[astray]) == ["applied", "forwarded"]
    await deployment.settle()
    dead = [record for run in (await deployment.read("executions.dead")).values() for record in run]
    assert [(record.value, dict(record.headers)["source"]) for record in dead] == [
        (b"rubbish", str(places[1]).encode())
    ]
