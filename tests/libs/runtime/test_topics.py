"""The topics as they are made."""

from __future__ import annotations

from libs.contracts.names import SERVICES, Names
from libs.runtime.producer import _BATCH_BYTES
from libs.runtime.topics import _wanted


def test_every_topic_takes_as_large_a_batch_as_a_producer_makes() -> None:
    """Where a topic took less, a batch of small records would break the producer; brokers take 1 MiB by themselves."""
    for topic, config in _wanted(Names(), SERVICES).items():
        assert int(config.get("max.message.bytes", 1024 * 1024)) > _BATCH_BYTES, topic
