"""The executions job by Quix Streams with state: all that the worker writes to Kafka, but no log and no Redis.

It runs in a virtual environment of its own, and has of this repository only what lies beside it. Its state is kept in
RocksDB and, so that it outlives this machine as the worker's does, in a changelog topic.
"""

from __future__ import annotations

import gc
import os
import tempfile

from quixstreams import Application

from tests.bench.subjects.marks import Mark
from tests.bench.subjects.quix_streams.handling import handle
from tests.bench.subjects.quix_streams.sink import TopicsSink


def main() -> None:
    """Run until SIGTERM."""
    servers, namespace = os.environ["STRATAFOLD_KAFKA"], os.environ["STRATAFOLD_NAMESPACE"]
    mark = Mark()
    with tempfile.TemporaryDirectory(prefix="stratafold-bench-quix-") as folder:
        app = Application(
            broker_address=servers,
            consumer_group=f"{namespace}.executions",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="WARNING",
            on_message_processed=lambda *_: mark.first_read(),
        )
        source = app.topic(f"{namespace}.executions.in", key_deserializer="bytes", value_deserializer="bytes")
        frame = app.dataframe(source).apply(handle, stateful=True, metadata=True)
        frame.sink(TopicsSink(servers, namespace))
        gc.freeze()  # what start-up made stays; the rest is rarely part of a cycle
        gc.set_threshold(200_000, 50, 100)
        app.run()


if __name__ == "__main__":
    main()
