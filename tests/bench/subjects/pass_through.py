"""What FastStream can do at best: raw batches from one topic to another, nothing read, nothing kept."""

from __future__ import annotations

from typing import Any

import uvloop
from aiokafka import ConsumerRecord
from faststream import FastStream
from faststream.kafka import KafkaBroker, KafkaMessage

from libs.contracts.names import Names
from libs.settings import load
from tests.bench.subjects.marks import Mark, errors_only

_RECORDS = 1_000  # a batch; just below the largest request
_REQUEST_BYTES = 2 * 1024 * 1024


async def _keep_raw(records: tuple[ConsumerRecord[Any, Any], ...]) -> KafkaMessage:
    return KafkaMessage(raw_message=records, body=b"", consumer=None)  # type: ignore[arg-type]


async def _give_values(message: KafkaMessage) -> list[Any]:
    return [record.value for record in message.raw_message]


def make_app() -> FastStream:
    """From ``executions.in`` to ``passed.on``, by batches."""
    settings = load()
    names, mark = Names(settings.namespace), Mark()
    broker = KafkaBroker(
        settings.kafka_servers,
        apply_types=False,
        logger=errors_only(),
        max_batch_size=_REQUEST_BYTES,
        max_request_size=_REQUEST_BYTES,
    )

    @broker.subscriber(
        names.topic("executions.in"),
        batch=True,
        max_records=_RECORDS,
        group_id=names.group("passing"),
        auto_offset_reset="earliest",
        parser=_keep_raw,
        decoder=_give_values,
    )
    async def pass_on(values: list[Any]) -> None:
        mark.first_read()
        await broker.publish_batch(*values, topic=names.topic("passed.on"))

    return FastStream(broker, logger=errors_only())


if __name__ == "__main__":
    uvloop.run(make_app().run())
