"""From which number on a stream is asked for: from what Kafka has."""

from __future__ import annotations

import json

from services.connectors.frames import Event
from services.connectors.reconciliation import scope, snapshot
from services.connectors.resume import Progress, advance, enough, recall, since, stalled


def event(seq: int, second: int, strategy: str = "a") -> Event:
    ts = f"2026-04-29T12:00:{second:02d}.000Z"
    body = {"channel": "strategy.status", "event": "deployed", "strategy_id": strategy, "seq": seq, "ts": ts}
    return Event(json.dumps({**body, "data": {}}).encode(), seq, ts, strategy)


def after(*events: Event) -> Progress:
    return recall(Progress(), [one.raw for one in events])


def test_at_first_everything_is_asked_for() -> None:
    assert since(Progress(), "*") == 0
    assert since(Progress(), "a") == 0


def test_the_last_number_counts_over_all_strategies_for_everything_and_of_one_for_one() -> None:
    progress = after(event(5, 1), event(6, 2, "b"), event(9, 3, "b"))
    assert since(progress, "*") == 9
    assert since(progress, "a") == 5
    assert since(progress, "b") == 9
    assert since(progress, "c") == 0
    assert progress.seen == {"a", "b"}


def test_a_frame_that_comes_again_or_late_takes_nothing_back() -> None:
    assert since(after(event(5, 1), event(9, 3), event(9, 3)), "*") == 9
    assert since(after(event(5, 1), event(9, 3), event(6, 2)), "*") == 9


def test_a_smaller_number_at_a_later_time_is_the_counter_begun_anew() -> None:
    progress = after(event(500, 1), event(501, 2, "b"), event(1, 3), event(2, 4))
    assert since(progress, "*") == 2
    assert since(progress, "a") == 2


def test_recalled_or_advanced_is_the_same() -> None:
    events = [event(1, 1), event(4, 2, "b"), event(3, 2), event(1, 9), event(2, 10, "b")]
    progress = Progress()
    for one in events:
        progress = advance(progress, one)
    assert progress == after(*events)


def test_records_that_are_no_events_are_passed_over() -> None:
    values = [b"not json", None, b"[]", b'{"event":"deployed"}', b'{"seq":9}', event(3, 1).raw]
    assert since(recall(Progress(), values), "*") == 3


def test_an_unfinished_reconciliation_is_remembered_and_a_finished_one_is_not() -> None:
    open_one, done = scope(["*"], 1_000, reconciling=True), scope(["*"], 2_000)
    assert recall(Progress(), [open_one, event(1, 1).raw]).reconciling
    assert not recall(Progress(), [open_one, event(1, 1).raw, done]).reconciling


def test_only_the_second_end_on_the_same_large_frame_gives_replay_up() -> None:
    assert [stalled(times) for times in range(4)] == [False, False, True, True]


def test_what_is_looked_back_at_is_enough_once_numbers_are_known_and_more_than_snapshots_are_seen() -> None:
    answer = b'{"data":{"upstream_seq":4}}'
    shot = snapshot("a", answer, None, 1_000)
    assert not enough([], ["*"])
    assert not enough([b"not json"], ["*"])
    assert not enough([shot, shot], ["*"])
    assert enough([event(1, 1).raw, shot], ["*"])
    assert enough([scope(["*"], 1_000, reconciling=True), shot], ["*"])
    assert not enough([event(1, 1).raw], ["a", "b"])
    assert enough([event(1, 1).raw, event(2, 1, "b").raw], ["a", "b"])
