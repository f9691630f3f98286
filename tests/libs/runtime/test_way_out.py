"""What a worker waits for when it is told to stop fits into the time that it has, also with Kafka gone."""

from __future__ import annotations

from libs.runtime import closing, worker
from services.cli import children, session


def test_the_waits_of_a_stop_end_before_the_process_is_ended() -> None:
    """A batch in hand, the consumer, then a producer's flush and its connections; else it would end with status 3."""
    assert worker._LAST_BATCH + closing._WITHIN + 2 * worker._FLUSHES_WITHIN < worker._ORDERLY


def test_up_kills_no_worker_before_that_one_ends_by_itself() -> None:
    assert worker._ORDERLY <= session._CHILDREN - children._UPSTREAM_SECONDS
