"""Frames of 004: events are passed on, acks are matched, all else is left aside."""

from __future__ import annotations

import json

import pytest

from services.connectors.frames import Ack, Event, Odd, answers, read, subscribe

EVENT = (
    '{ "channel":"strategy.status","event":"x.new","strategy_id":"s","seq": 7,"ts":"t","data":{"a":1.50} }'
)


def test_an_event_is_kept_byte_for_byte_known_or_not() -> None:
    got = read(EVENT)
    assert got == Event(EVENT.encode(), 7, "t", "s")


@pytest.mark.parametrize("seq", ["-1", "1.5", '"7"', "null", "true", "1e3", "18446744073709551616"])
def test_an_event_with_an_unsound_number_is_passed_on_and_counts_nothing(seq: str) -> None:
    got = read(EVENT.replace("7", seq, 1))
    assert isinstance(got, Event)
    assert got.seq is None


@pytest.mark.parametrize(
    "frame", [b"\x00\x01", "", "nope", "[]", "1", "null", '{"op":"hello"}', "{}", "[" * 5_000]
)
def test_what_is_no_event_and_no_ack_is_odd(frame: str | bytes) -> None:
    assert isinstance(read(frame), Odd)


def test_acks_are_those_of_the_subscription_that_waits() -> None:
    yes = read('{"op":"ack","channel":"strategy.status","id":"s","ok":true}')
    no = read('{ "op": "ack", "ok": false, "code": "REPLAY_UNAVAILABLE" }')  # 004's own: it names nothing
    other = read('{"op":"ack","id":"t","ok":true}')
    of_auth = read('{"op":"ack","ok":true}')
    assert [isinstance(one, Ack) for one in (yes, no, other, of_auth)] == [True] * 4
    assert [answers(one, "s") for one in (yes, no, other, of_auth) if isinstance(one, Ack)] == [
        True,
        True,
        False,
        False,
    ]


def test_a_subscription_names_its_number_only_where_there_is_one() -> None:
    assert json.loads(subscribe("*", 0)) == {
        "op": "subscribe",
        "channel": "strategy.status",
        "id": "*",
        "since_seq": 0,
    }
    assert "since_seq" not in json.loads(subscribe("s", None))
