"""Does the broker answer a stranger? What tells a broker that is away from a client of ours that is stuck."""

from __future__ import annotations

import asyncio
from typing import Final

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import KafkaError

from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess

_ANSWERS_WITHIN: Final = 5.0  # seconds


async def kafka_answers(kafka: KafkaAccess) -> bool:
    """Whether a fresh connection gets the cluster's metadata, within five seconds."""
    client = AIOKafkaClient(**kafka.options(), request_timeout_ms=int(_ANSWERS_WITHIN * 1000))
    try:
        async with asyncio.timeout(_ANSWERS_WITHIN):
            await client.bootstrap()
            return bool(client.cluster.brokers())
    except (KafkaError, OSError, TimeoutError):
        return False
    finally:
        await client.close()
        heed_cancellation()
