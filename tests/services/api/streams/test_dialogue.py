"""What a client's frame means (004), decided without a connection."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.api.streams.codes import Code
from services.api.streams.dialogue import Auth, Bad, Subscribe, Unsubscribe, acknowledged, read, refused
from services.api.streams.pace import Bucket
from services.api.streams.wire import text_frame

SUBSCRIBE = {"op": "subscribe", "channel": "strategy.status", "id": "s"}


def said(**more: Any) -> Any:
    """What is read of a subscription with other fields."""
    return read(json.dumps({**SUBSCRIBE, **more}))


@pytest.mark.parametrize(
    "text",
    ["", " ", "nothing", "5", "[]", '"subscribe"', "null", "true", "{}", '{"op"}', '{"op": 5}', '{"op": null}',
     "{" * 2_000, "[" * 60_000, '{"op": "subscribe"', "{'op': 'subscribe'}", '{"op": "subscribe"} {}', "\ufeff{}",
     '{"op": "\\ud800"}', "NaN", '{"op": ["subscribe"]}', "\x00"],
)  # fmt: skip
def test_what_is_no_frame(text: str) -> None:
    """Not JSON, no object, no op."""
    found = read(text)
    assert isinstance(found, Bad)
    assert found.code is Code.BAD_FRAME


@pytest.mark.parametrize("op", ["", "Subscribe", "subscribe ", "ack", "ping", "AUTH", "x" * 60_000])
def test_unknown_op(op: str) -> None:
    """With channel and id echoed."""
    assert said(op=op) == Bad(Code.UNKNOWN_OP, (("channel", "strategy.status"), ("id", "s")))


@pytest.mark.parametrize(
    "channel", ["", "strategy", "strategy.status ", "*", None, 5, {}, ["strategy.status"]]
)
def test_unknown_channel(channel: object) -> None:
    """Also one that is no string."""
    assert said(channel=channel).code is Code.UNKNOWN_CHANNEL
    assert read(json.dumps({"op": "subscribe", "id": "s"})) == Bad(Code.UNKNOWN_CHANNEL, (("id", "s"),))


@pytest.mark.parametrize("name", ["", None, 5, 1.5, True, [], {}, ["s"], "x" * 1_025])
@pytest.mark.parametrize("op", ["subscribe", "unsubscribe"])
def test_invalid_id(name: object, op: str) -> None:
    """Whatever is no string of 1 to 1,024 characters; echoed where it is short."""
    found = said(id=name, op=op)
    assert found.code is Code.INVALID_ID
    short = name is None or isinstance(name, int | float) or name == ""
    assert dict(found.echo).get("id", "none") == (name if short else "none")
    json.loads(refused(found.code, found.echo).partition(b"{")[2].join([b"{", b""]))


@pytest.mark.parametrize(
    "since", [-1, 2**63, 2**64, 10**30, 1.5, 1.0, 1e3, "x", "1", "", True, False, None, [], {}]
)
def test_invalid_since_seq(since: object) -> None:
    """Whatever is no integer from 0 to 2^63 - 1."""
    assert said(since_seq=since) == Bad(Code.INVALID_SINCE_SEQ, (("channel", "strategy.status"), ("id", "s")))


def test_good_frames() -> None:
    """Extra fields are nobody's business; since_seq means nothing where nothing is replayed."""
    assert said() == Subscribe("s", None)
    assert said(id="*", since_seq=0, more={}) == Subscribe("*", 0)
    assert said(since_seq=2**63 - 1) == Subscribe("s", 2**63 - 1)
    assert said(op="unsubscribe", since_seq="x") == Unsubscribe("s")
    assert read('{"op": "auth", "timestamp": 1}') == Auth(None, 1, None)


def test_answers_are_text_frames() -> None:
    """With the fields of 004."""
    ack = {"op": "ack", "channel": "strategy.status", "id": "s", "ok": True}
    wire = acknowledged("s")
    assert wire[0] == 0x81
    assert wire[1] == len(wire) - 2
    assert json.loads(wire[2:]) == ack
    wire = refused(Code.INVALID_ID, (("id", 5),))
    assert json.loads(wire[2:]) == {"op": "ack", "id": 5, "ok": False, "code": "INVALID_ID"}


@pytest.mark.parametrize(("size", "head"), [(0, 2), (125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_length_of_a_text_frame(size: int, head: int) -> None:
    """As RFC 6455 has it: in 7, 16 or 64 bits."""
    wire = text_frame(b"x" * size)
    assert len(wire) == head + size
    told = {2: wire[1], 4: int.from_bytes(wire[2:4]), 10: int.from_bytes(wire[2:10])}[head]
    assert told == size


def test_bucket() -> None:
    """Its size at once, then its rate."""
    bucket = Bucket(3, 2, 0)
    assert [bucket.take(0) for _ in range(4)] == [True, True, True, False]
    assert [bucket.take(0.5), bucket.take(0.5)] == [True, False]
    assert [bucket.take(100) for _ in range(4)] == [True, True, True, False]
