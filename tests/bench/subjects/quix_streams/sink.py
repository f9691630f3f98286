"""What is written leaves by a sink: a ``to_topic`` for each costs more, and can't say on which partition.

Quix Streams flushes its sinks before it commits what was read, so nothing is lost.
"""

from __future__ import annotations

from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer
from quixstreams.sinks import BaseSink

from tests.bench.subjects.quix_streams.output import Output

PRODUCER: Final = {
    "compression.type": "lz4",
    "linger.ms": 50,
    "queue.buffering.max.messages": 1_000_000,
}


class TopicsSink(BaseSink):  # type: ignore[misc]
    """Appends lists of outputs to their topics, in the batches that librdkafka makes of them."""

    def __init__(self, servers: str, namespace: str) -> None:
        super().__init__()
        self._prefix = f"{namespace}."
        self._failure: KafkaError | None = None
        self._producer = Producer(
            {
                **PRODUCER,
                "bootstrap.servers": servers,
                "partitioner": "murmur2",
                "enable.idempotence": True,
                "message.max.bytes": 3 * 1024 * 1024,
                "delivery.report.only.error": True,
                "on_delivery": self._on_delivery,
            }
        )

    def add(self, value: list[Output], **_: Any) -> None:
        """Hand over what came of one input."""
        for output in value:
            self._hand_over(output)
        self._producer.poll(0)

    def _hand_over(self, output: Output) -> None:
        topic, key, value, headers, partition = output
        while True:
            try:
                self._producer.produce(self._prefix + topic, value, key, partition, headers=headers)
                return
            except BufferError:  # the queue is full
                self._producer.poll(1)

    def flush(self) -> None:
        """Wait until the broker has everything. Raises KafkaException."""
        self._producer.flush()
        if self._failure is not None:
            raise KafkaException(self._failure)

    def _on_delivery(self, failure: KafkaError | None, _: Message) -> None:
        self._failure = self._failure or failure
