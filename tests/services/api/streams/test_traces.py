"""A frame of the status stream is told of in the trace of the input that it shows, where somebody is sent it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from libs.contracts.strategies import EVERYTHING
from libs.runtime.reader import Record
from libs.settings import Settings
from services.api.streams.feed import StatusFeed
from services.api.streams.subscriptions import Subscriptions
from tests.libs.telemetry.recording import Recording, trace_of

TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


@dataclass
class StoredRecord:
    offset: int
    timestamp: int
    value: bytes | None
    partition: int = 0
    topic: str = "strategies.log"
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Subscriber:
    """To everything of an account."""

    def __init__(self) -> None:
        self.subscriptions = Subscriptions({EVERYTHING: 0})

    def send(self, frames: bytes, first: int) -> None:
        """Nothing is looked at here."""


class Unknown:
    async def last(self, account: str) -> int | None:
        return None


def logged(offset: int, **more: Any) -> Record:
    """A log record of strategies that is a frame."""
    envelope = {
        "subject": "acme:strat_1",
        "partitionkey": "acme",
        "inputoffset": offset,
        "previousinputoffset": offset - 1,
        "verdict": "applied",
        "accountsequence": offset + 1,
        **more,
        "data": {"event": "deployed", "seq": 7},
    }
    value = json.dumps(envelope, separators=(",", ":")).encode()
    return StoredRecord(offset, 1_780_000_000_000 + offset, value)


def test_a_sampled_input_is_told_of_once_its_frame_goes_out() -> None:
    recording = Recording(share=1)
    feed = StatusFeed(Settings(), Unknown(), traces=recording.traces)
    sampled = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
    feed.take(0, [logged(0, **sampled)])  # nobody listens yet
    feed.channel("acme").join(Subscriber())
    feed.take(0, [logged(1), logged(2, **sampled)])
    (span,) = recording.spans()
    assert (span.name, trace_of(span)) == ("send frame", TRACE)
    assert span.parent is not None
    assert f"{span.parent.span_id:016x}" == PARENT
    assert span.start_time == (1_780_000_000_000 + 2) * 1_000_000
    assert span.attributes == {"stratafold.subject": "acme:strat_1", "stratafold.verdict": "applied"}


def test_without_traces_the_frames_are_the_same() -> None:
    frames = []
    for traces in (None, Recording().traces):
        feed = StatusFeed(Settings(), Unknown(), traces=traces)
        feed.ready.set()
        feed.take(0, [logged(0, traceparent=f"00-{TRACE}-{PARENT}-01")])
        feed.flush()
        frames.append([frame.wire for frame in feed.channel("acme").ring.after(0, 9) or ()])
    assert frames[0] == frames[1]
    assert b"traceparent" not in b"".join(frames[0])
