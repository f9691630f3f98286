"""The stories of the made-up upstreams are what 002 and 004 allow, and its channel counts as it should."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from random import Random

from libs.contracts.agents import CLOCK_EVENT, MESSAGES
from libs.contracts.strategies import FRAMES
from libs.ledger.records import InputRecord
from services.agents import AGGREGATE as AGENTS
from services.simulator.agent_stories import AgentStory
from services.simulator.channel import Channel, Lies
from services.simulator.strategy_book import Book
from services.simulator.strategy_stories import Stories
from services.strategies import AGGREGATE as STRATEGIES
from tests.libs.ledger.folding import fold_input, verdicts

START = datetime(2026, 4, 29, 12, tzinfo=UTC)


def ts(second: int) -> str:
    return (START + timedelta(seconds=second)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def test_strategies_tell_every_event_and_end_as_their_book_says() -> None:
    stories, channel, book = Stories(7, 4), Channel(), Book()
    values = []
    for second in range(1_500):
        told = stories.next()
        book.apply(told.strategy_id, told.event, told.data)
        frames = channel.add(told.strategy_id, told.event, told.data, ts(second), float(second))
        values += [frame.text.encode() for frame in frames]
    assert {json.loads(value)["event"] for value in values} == FRAMES
    folded = fold_input(STRATEGIES, [InputRecord(i, i, b"x", value) for i, value in enumerate(values)])
    assert set(verdicts(folded)) == {"applied"}
    for entity, fields in folded.store.entities.items():
        if ":" in entity:
            answer = book.answer(entity.removeprefix("x:"), "x", channel.last)
            assert answer is not None
            assert (json.loads(fields["positions"]), fields["realized_pnl"]) == (
                answer["positions"],
                answer["realized_pnl"],
            )
            assert json.loads(fields["fees"]) == answer["fees"]
            assert {one["order_id"] for one in json.loads(fields["orders"])} == {
                one["order_id"] for one in answer["orders"]
            }


def test_an_agent_tells_every_event() -> None:
    story = AgentStory(3)
    messages = []
    for second in range(3_000):
        messages += story.next(ts(second)) if second % 6 else story.snapshot(ts(second))
    assert {one["event"] for one in messages} == set(MESSAGES) - {CLOCK_EVENT}
    records = [InputRecord(i, i, b"agent-1", json.dumps(one).encode()) for i, one in enumerate(messages)]
    assert set(verdicts(fold_input(AGENTS, records))) == {"applied"}


def test_replay_is_what_came_after_and_is_refused_where_that_is_not_known() -> None:
    channel = Channel(keep=10)
    for second in range(1, 6):
        channel.add("a", "deployed", {}, ts(second), float(second))
    assert [frame.seq for frame in channel.since(3, 5.0) or ()] == [4, 5]
    assert len(channel.since(0, 5.0) or ()) == 5
    assert channel.since(5, 5.0) == []
    assert channel.since(6, 5.0) is None
    assert channel.since(1, 12.5) is None, "2 is forgotten by then"
    assert [frame.seq for frame in channel.since(2, 12.5) or ()] == [3, 4, 5]


def test_lies_are_told_at_their_rates() -> None:
    channel = Channel(lies=Lies(jump=0.1, double=0.2, reset=0.01), rng=Random(1))
    sent = [channel.add("a", "deployed", {}, ts(0), 0.0) for _ in range(5_000)]
    numbers = [frames[0].seq for frames in sent]
    steps = [after - before for before, after in pairwise(numbers)]
    assert 0.17 < sum(len(frames) == 2 for frames in sent) / 5_000 < 0.23
    assert 0.08 < sum(step > 1 for step in steps) / 5_000 < 0.12
    assert 25 < sum(step < 0 for step in steps) < 80
