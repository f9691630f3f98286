"""What the page is told: lines of the feed once each and in order; what is usual never pushes out what stands out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from libs.runtime.letters import letter
from libs.views.figures import figures
from libs.views.reading import PartitionView, Position
from services.api.live.board import FEED, LETTERS, Board
from services.api.live.items import conflict_item, event_item, letter_item, refusal_item
from services.api.live.rows import agent_row, service_row


@dataclass
class Taken:
    """A record as Kafka gives it."""

    value: bytes | None
    offset: int = 7
    partition: int = 2
    topic: str = "operations.dead"
    timestamp: int = 0
    key: bytes | None = b"k"
    headers: tuple[tuple[str, bytes | None], ...] = ()


def _event(name: str = "operation.started", **more: Any) -> bytes:
    envelope = {
        "id": "e1",
        "type": f"stratafold.{name}.v1",
        "subject": "o1",
        "recordedtime": "2026-01-01T00:00:01.000Z",
        "causationid": "l1",
        "data": {"type": "top_up", "status": "validating"},
    }
    return orjson.dumps({**envelope, **more})


def _letter(at: str = "2026-01-01T00:00:02.000Z", value: bytes = b"{}", offset: int = 7) -> Taken:
    source = f"operations.in/2/{offset}".encode()
    told = ("missing_field", "id is missing", "/id")
    headers = (
        *zip(("error", "detail", "pointer"), (one.encode() for one in told), strict=True),
        ("source", source),
        ("service", b"operations"),
        ("at", at.encode()),
    )
    return Taken(value, offset=offset, headers=headers)


def _line(number: int, mark: str = "") -> dict[str, Any]:
    return {"id": f"i{number}", "at": number, "mark": mark}


def test_an_event_is_a_line_in_words_with_what_can_be_looked_up() -> None:
    item = event_item("operations", _event())
    assert item == {
        "id": "e1",
        "at": 1767225601000,
        "service": "operations",
        "name": "operation.started",
        "mark": "",
        "subject": "o1",
        "text": "top_up, validating",
        "entity": "o1",
    }


@pytest.mark.parametrize("value", [None, b"", b"x", b"[]", b"{}", b'{"type":1}'])
def test_what_is_no_event_of_ours_is_no_line(value: bytes | None) -> None:
    assert event_item("operations", value) is None
    assert conflict_item("operations", value) is None


def test_an_account_that_misses_numbers_is_marked_but_is_nothing_to_look_up() -> None:
    gap = _event("strategy.gap_opened", subject="demo", data={"from": 3, "to": 4})
    item = event_item("strategies", gap)
    assert item is not None
    assert (item["mark"], item["entity"], item["text"]) == ("gap", None, "missing 3 to 4")


def test_a_dispute_and_the_log_record_that_led_to_it_are_one_line() -> None:
    board = Board()
    board.told(event_item("operations", _event("operation.disputed", data={})))
    board.told(conflict_item("operations", _event(id="l1", verdict="conflict")))
    (line,) = board.state()["feed"]
    assert (line["name"], line["mark"]) == ("operation.disputed", "conflict")


def test_of_the_log_only_conflicts_are_lines_even_if_a_text_speaks_of_one() -> None:
    said = _event(verdict="applied", data={"note": '"verdict":"conflict"', "a": {"verdict": "conflict"}})
    assert conflict_item("versions", said) is None
    contradicting = conflict_item("versions", _event(verdict="conflict", data={"status": "FILLED"}))
    assert contradicting is not None
    assert (contradicting["mark"], contradicting["text"]) == ("conflict", "status FILLED")


def test_a_refused_input_is_a_line_and_a_letter() -> None:
    board = Board()
    board.refused(letter(_letter()))
    told = board.changes()
    (line,), (listed,) = told["feed"], told["letters"]
    assert (line["mark"], line["text"]) == ("refusal", "missing_field: id is missing (/id)")
    assert line["entity"] is None
    assert listed["place"] == "operations.dead/2/7"
    assert (listed["service"], listed["body"], listed["size"]) == ("operations", "{}", 2)


def test_a_letter_that_does_not_say_when_is_listed_all_the_same() -> None:
    assert refusal_item(letter(_letter(at="soon"))) is None
    assert letter_item(letter(_letter(at="soon", value=b"\xff\x00")))["body"] == "\ufffd\x00"


def test_of_equal_letters_the_newest_is_listed() -> None:
    board = Board()
    for second, offset in ((3, 8), (5, 9), (4, 7)):
        board.refused(letter(_letter(at=f"2026-01-01T00:00:0{second}.000Z", offset=offset)))
    board.refused(letter(_letter(value=b"other", offset=1)))
    assert [one["place"] for one in board.state()["letters"]] == [
        "operations.dead/2/9",
        "operations.dead/2/1",
    ]


def test_letters_are_bounded_and_the_oldest_go() -> None:
    board = Board()
    for number in range(LETTERS + 5):
        at = f"2026-01-01T00:{number // 60:02d}:{number % 60:02d}.000Z"
        board.refused(letter(_letter(at=at, value=str(number).encode(), offset=number)))
    listed = board.state()["letters"]
    assert len(listed) == LETTERS
    assert (listed[0]["body"], listed[-1]["body"]) == (str(LETTERS + 4), "5")


def test_the_newest_line_stands_first_whatever_order_they_came_in() -> None:
    board = Board()
    for number in (2, 5, 3, 5, 1):
        board.told(_line(number))
    assert [one["at"] for one in board.state()["feed"]] == [5, 3, 2, 1]


def test_what_is_usual_never_pushes_out_what_stands_out() -> None:
    board = Board()
    board.told(_line(0, "conflict"))
    for number in range(1, 3 * FEED):
        board.told(_line(number))
    feed = board.state()["feed"]
    assert len(feed) == FEED + 1
    assert feed[-1] == _line(0, "conflict")


def test_changes_are_told_once() -> None:
    board = Board()
    board.told(_line(2))
    board.told(_line(1))
    board.followed([{"id": "a"}])
    first = board.changes()
    assert [one["at"] for one in first["feed"]] == [1, 2]
    assert first["agents"] == [{"id": "a"}]
    board.followed([{"id": "a"}])
    assert set(board.changes()) == {"services"}


def test_a_service_row_tells_each_partition_and_an_unknown_lag_as_unknown() -> None:
    views = [
        PartitionView(Position(0, owner="w", input_offset=4), ready=True, counters={"in_total": 5}),
        PartitionView(Position(1), ready=False, damaged="broken"),
    ]
    bounds = [(0, 7), (0, 0)]
    row = service_row(figures("agents", views, bounds, 1.0), views, bounds)
    assert row["lag"] == 2
    assert (row["counters"]["in_total"], row["counters"]["late_total"]) == (5, 0)
    assert [one["lag"] for one in row["partitions"]] == [2, 0]
    assert [one["damaged"] for one in row["partitions"]] == [None, "broken"]
    unknown = service_row(figures("agents", views, None, 1.0), views, None)
    assert unknown["lag"] is None
    assert [one["lag"] for one in unknown["partitions"]] == [None, None]


def test_a_counter_that_is_a_sum_beyond_64_bits_is_left_out() -> None:
    views = [PartitionView(Position(0), ready=True, counters={"in_total": 1, "settled:BTC": 10**30})]
    row = service_row(figures("executions", views, None, 0.0), views, None)
    assert "settled:BTC" not in row["counters"]
    assert orjson.loads(orjson.dumps(row))["counters"]["in_total"] == 1


def test_an_agents_curve_is_made_of_its_snapshots_at_their_own_time() -> None:
    """Whatever it told last, and however late."""
    fields = {"id": "a", "status": "null", "equity": "7", "last_event": "trade", "last_event_at": "later"}
    entries = [
        (9, {"event": "snapshot", "ts": "2026-01-01T00:00:05Z", "equity": "7", "phase": "LIVE"}),
        (2, {"event": "snapshot", "ts": "2026-01-01T00:00:00Z", "equity": "5", "phase": "LIVE"}),
    ]
    row = agent_row(fields, entries)
    assert row["snapshots"] == [
        {"ts": "2026-01-01T00:00:00Z", "equity": "5"},
        {"ts": "2026-01-01T00:00:05Z", "equity": "7"},
    ]
    assert (row["id"], row["status"], row["phase"]) == ("a", None, None)


def test_charts_have_the_points_of_the_looks() -> None:
    board, views = Board(), [PartitionView(Position(0), ready=True)]
    for at in (1000, 2000):
        row = service_row(figures("agents", views, None, at / 1000), views, None)
        board.looked(at, [row], {"kafka": None, "redis": None}, [])
    assert board.state()["history"] == {"agents": [[1000, 1.0, None], [2000, 2.0, None]]}
    assert orjson.dumps(board.state())
