"""Asking the brokers over a connection of its own whether a producer could write: is it Kafka, or is it our client?"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import DescribeConfigsRequest
from aiokafka.protocol.metadata import MetadataRequest

from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess

_LEAST_REPLICAS: Final = "min.insync.replicas"


async def writable(kafka: KafkaAccess, topics: list[str], deadline: float) -> bool:
    """Whether every partition of the topics has a leader that can be reached and enough in-sync replicas."""
    client = AIOKafkaClient(**kafka.options(), client_id="stratafold-gateway-probe")
    try:
        async with asyncio.timeout(deadline):
            await client.bootstrap()
            return await _writable(client, topics)
    except (TimeoutError, KafkaError, OSError):
        return False
    finally:
        await client.close()
        heed_cancellation()


async def _writable(client: AIOKafkaClient, topics: list[str]) -> bool:
    node = client.get_random_node()
    metadata = (await client.send(node, MetadataRequest())).to_object()
    described = {topic["topic"]: topic["partitions"] for topic in metadata["topics"]}
    leaders = set()
    for topic in topics:
        least = await _least_replicas(client, node, topic)
        partitions = described.get(topic, [])
        if not partitions:
            return False
        for partition in partitions:
            if partition["leader"] < 0 or len(partition["isr"]) < least:
                return False
            leaders.add(partition["leader"])
    return all([await client.ready(leader) for leader in leaders])


async def _least_replicas(client: AIOKafkaClient, node: Any, topic: str) -> int:
    wanted = ConfigResource(ConfigResourceType.TOPIC, topic, {_LEAST_REPLICAS: ""})
    resource = (wanted.resource_type, wanted.name, list(wanted.configs))
    response = await client.send(node, DescribeConfigsRequest([resource], False))
    entries = [entry for answered in response.resources for entry in answered[4]]
    return next((int(entry[1]) for entry in entries if entry[0] == _LEAST_REPLICAS), 1)
