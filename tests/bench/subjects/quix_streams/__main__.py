"""The executions job by Quix Streams with state: all that the worker writes to Kafka, but no log and no Redis.

It runs in a virtual environment of its own, and has of this repository only what lies beside it. Its state is kept in
RocksDB and, so that it outlives this machine as the worker's does, in a changelog topic.
"""

from __future__ import annotations

import gc
import os
import tempfile

from quixstreams import Application, State, message_context

from tests.bench.subjects.marks import Mark
from tests.bench.subjects.quix_streams.envelope import Place
from tests.bench.subjects.quix_streams.handling import handle
from tests.bench.subjects.quix_streams.output import Headers, Output
from tests.bench.subjects.quix_streams.sink import PRODUCER, TopicsSink
from tests.bench.subjects.quix_streams.times import rfc3339

_STATE = "execution"
_mark = Mark()


def outputs(
    value: bytes | None, key: bytes | None, timestamp: int, headers: Headers | None, state: State
) -> list[Output]:
    """All that is to be written for a record; its key's state is brought up to date."""
    _mark.first_read()
    context = message_context()
    place = Place(context.topic, context.partition, context.offset, rfc3339(timestamp))
    kept, written = handle(value, key, headers, place, state.get_bytes(_STATE))
    if kept is not None:
        state.set_bytes(_STATE, kept)
    return written


def main() -> None:
    """Run until SIGTERM."""
    servers, namespace = os.environ["STRATAFOLD_KAFKA"], os.environ["STRATAFOLD_NAMESPACE"]
    with tempfile.TemporaryDirectory(prefix="stratafold-bench-quix-") as folder:
        app = Application(
            broker_address=servers,
            consumer_group=f"{namespace}.executions",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="WARNING",
            producer_extra_config=PRODUCER,  # for the changelog
        )
        source = app.topic(f"{namespace}.executions.in", key_deserializer="bytes", value_deserializer="bytes")
        frame = app.dataframe(source).apply(outputs, stateful=True, metadata=True)
        frame.sink(TopicsSink(servers, namespace))
        gc.freeze()  # what start-up made stays; the rest is rarely part of a cycle
        gc.set_threshold(200_000, 50, 100)
        app.run()


if __name__ == "__main__":
    main()
