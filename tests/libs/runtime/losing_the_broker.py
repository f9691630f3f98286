"""A worker's entry of the tests' own: the broker is lost twice as a client of the kind that is named starts.

STRATAFOLD_TEST_LOSES is ``producer`` or ``consumer``.
"""

from __future__ import annotations

import os
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError

from libs.runtime import patience
from libs.runtime.process import run_worker
from services.operations.worker import make_worker


def _lose_the_broker(client: Any) -> None:
    start, lost = client.start, [KafkaConnectionError("lost"), KafkaConnectionError("lost again")]

    async def loses(self: Any) -> None:
        if lost:
            raise lost.pop()
        await start(self)

    client.start = loses


if __name__ == "__main__":
    patience._ASK_AGAIN = 0.1  # type: ignore[misc]
    _lose_the_broker(
        {"producer": AIOKafkaProducer, "consumer": AIOKafkaConsumer}[os.environ["STRATAFOLD_TEST_LOSES"]]
    )
    raise SystemExit(run_worker(make_worker))
