"""An agent's stream and its lists are told apart by what the fold tells them apart by, and sent oldest first."""

from __future__ import annotations

import json
from typing import Any

import pytest

from services.connectors.merging import ENDPOINTS, Message, Sent, WrongPage, message, new, page, worth_more


def one(event: str, second: int, **more: Any) -> dict[str, Any]:
    return {"event": event, "ts": f"2026-04-29T12:00:{second:02d}Z", **more}


def taken(body: dict[str, Any]) -> Message:
    found = message(json.dumps(body).encode())
    assert found is not None
    return found


def listed(endpoint: str, *items: dict[str, Any]) -> list[Message]:
    return page(json.dumps({"data": items, "next_cursor": None}).encode(), endpoint)[0]


def test_lists_are_merged_oldest_first_and_without_what_kafka_has() -> None:
    sent = Sent()
    sent.add(taken(one("snapshot", 5, equity="1")))
    found = [
        *listed("equity", one("snapshot", 9, equity="3"), one("snapshot", 5, equity="1")),
        *listed("trades", one("trade", 7, journal_ref="j1"), one("trade", 1, journal_ref="j0")),
    ]
    assert [item.at % 60_000 // 1_000 for item in new(found, sent)] == [1, 7, 9]
    for item in new(found, sent):
        sent.add(item)
    assert new(found, sent) == []
    assert not worth_more(found, sent)


def test_an_item_too_large_for_a_record_is_left_out() -> None:
    assert new(listed("journal", one("journal_entry", 1, id="j", description="x" * 1_100_000)), Sent()) == []


def test_the_same_fact_is_known_by_its_id_whatever_its_wording_or_the_order_of_its_keys() -> None:
    assert taken(one("trade", 1, journal_ref="j", x=1)).mark == taken(one("trade", 2, journal_ref="j")).mark
    assert taken(one("journal_entry", 1, id="j")).mark != taken(one("trade", 1, journal_ref="j")).mark
    first, second = one("snapshot", 1, a=1, b=2), {"b": 2, "a": 1, **one("snapshot", 1)}
    assert taken(first).mark == taken(second).mark
    assert taken(one("trade", 1, journal_ref=None, a=1)).mark != taken(one("trade", 1, journal_ref=None)).mark


def test_an_item_that_does_not_name_its_event_gets_that_of_its_list() -> None:
    for endpoint, event in ENDPOINTS.items():
        found = listed(endpoint, {"ts": "2026-04-29T12:00:00Z", "id": "1"})
        assert json.loads(found[0].raw)["event"] == event


def test_numbers_of_an_item_keep_their_digits() -> None:
    found, cursor = page(
        b'{"data":[{"event":"snapshot","ts":"x","equity":1.50}],"next_cursor":"c"}', "equity"
    )
    assert b"1.50" in found[0].raw
    assert cursor == "c"
    assert page(b'[{"event":"trade","ts":"x"}]', "trades")[1] is None


@pytest.mark.parametrize("wrong", [b"", b"{}", b'{"data":{}}', b'{"data":[1]}', b"[[]]", b"1", b"[" * 9_000])
def test_an_answer_that_is_no_list_is_refused(wrong: bytes) -> None:
    with pytest.raises(WrongPage):
        page(wrong, "equity")


@pytest.mark.parametrize("odd", [b"", b"nope", b"[]", b"{}", b'"x"'])
def test_a_frame_that_is_no_message_is_left_aside(odd: bytes) -> None:
    assert message(odd) is None


def test_a_message_nested_too_deep_to_be_put_in_order_is_passed_on() -> None:
    deep = b'{"event":"x","a":' + b"[" * 900 + b"]" * 900 + b"}"
    found = message(deep)
    assert found is not None
    assert found.raw == deep
