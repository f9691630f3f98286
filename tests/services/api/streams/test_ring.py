"""What is kept for who resumes, and who gets which frame."""

from __future__ import annotations

import json
from random import Random

import pytest

from libs.ledger.envelope import Logged
from services.api.streams.channel import Channel
from services.api.streams.following import Following, Verdict
from services.api.streams.frame import Frame, agent_message, numbered, status_frame
from services.api.streams.ring import Ring, Standing
from services.api.streams.subscriptions import Subscriptions


def frame(seq: int, strategy: str = "s") -> Frame:
    """A frame of ten bytes, told at its number in seconds."""
    return Frame(seq, strategy, seq * 1000, f"{seq:010}".encode())


def ring(*seqs: int) -> Ring:
    """A ring of frames."""
    made = Ring()
    for seq in seqs:
        made.append(frame(seq))
    return made


def seqs(frames: list[Frame] | None) -> list[int] | None:
    """Their numbers."""
    return None if frames is None else [one.seq for one in frames]


def test_standing() -> None:
    """All after the number, or nothing."""
    kept = ring(5, 6, 7)
    assert [kept.standing(n) for n in (0, 3, 4, 7, 8)] == [
        Standing.GONE,
        Standing.GONE,
        Standing.KEPT,
        Standing.KEPT,
        Standing.AHEAD,
    ]
    assert ring().standing(0) is Standing.UNKNOWN
    assert ring(1, 2).standing(0) is Standing.KEPT
    silent = ring()
    silent.assume(9)
    assert [silent.standing(n) for n in (8, 9, 10)] == [Standing.GONE, Standing.KEPT, Standing.AHEAD]
    silent.append(frame(10))
    assert seqs(silent.after(9, 1000)) == [10]
    assert silent.after(8, 1000) is None


def test_a_number_that_was_passed_over_ends_what_can_be_replayed() -> None:
    """Nobody is told that they have everything when they have not."""
    torn = ring(1, 2, 5)
    assert torn.standing(2) is Standing.GONE
    assert seqs(torn.after(4, 100)) == [5]


@pytest.mark.parametrize("seed", range(30))
def test_ring_keeps_what_a_plain_list_would(seed: int) -> None:
    """Whatever is appended, evicted and asked for."""
    random, kept = Random(seed), Ring()
    model: list[int] = []
    last = 0
    for _ in range(300):
        if random.random() < 0.6:
            last += 1
            kept.append(frame(last))
            model.append(last)
        else:
            before = random.randint(max(0, last - 40), last + 1)
            most = random.choice([10_000, 200, 0])
            kept.evict(before * 1000, most)
            model = [n for n in model if n >= before][-(most // 10) :] if most else []
        assert kept.bytes == 10 * len(model)
        if last:
            asked = random.randint(0, last + 1)
            if asked >= last:
                expected: list[int] | None = []
            else:
                expected = [n for n in model if n > asked][:5] if asked + 1 in model else None
            assert seqs(kept.after(asked, 50)) == expected


class Ears:
    """A listener that remembers."""

    def __init__(self, **floors: int) -> None:
        self.subscriptions = Subscriptions({name.replace("all", "*"): n for name, n in floors.items()})
        self.heard: list[int] = []

    def send(self, frames: bytes, first: int) -> None:
        """Of the channel."""
        assert first == int(frames[:10])
        self.heard += [int(frames[at : at + 10]) for at in range(0, len(frames), 10)]


def test_each_gets_what_is_subscribed_to_once_and_in_order() -> None:
    """All, one, several, overlapping, or only what is above a floor."""
    channel = Channel(0)
    cases = {
        Ears(all=0): [1, 2, 3, 4, 5, 6],
        Ears(a=0): [1, 4],
        Ears(a=0, b=0): [1, 2, 4, 5],
        Ears(a=0, all=0): [1, 2, 3, 4, 5, 6],
        Ears(a=0, all=4): [1, 4, 5, 6],
        Ears(all=3): [4, 5, 6],
        Ears(d=0): [],
        Ears(): [],
    }
    for one in cases:
        channel.join(one)
    gone = Ears(all=0, a=0)
    channel.join(gone)
    channel.leave(gone)
    frames = [frame(n, "abc"[(n - 1) % 3]) for n in range(1, 7)]
    channel.publish(frames[:5])
    channel.publish(frames[5:])
    for one, heard in cases.items():
        assert one.heard == heard
    assert gone.heard == []


def logged(
    offset: int, previous: int, verdict: str = "applied", data: bytes = b"{}", **more: object
) -> Logged:
    """A log record."""
    attributes = {"inputoffset": offset, "previousinputoffset": previous, "verdict": verdict, **more}
    return Logged(attributes, data, b"")


def follow(*records: tuple[int, int], settled: int = 0) -> list[int]:
    """What is accepted of records (offset, previous); the first ``settled`` were there at the start."""
    chain = Following()
    accepted: list[int] = []
    for index, (offset, previous) in enumerate(records):
        if index == settled:
            chain.settle()
        verdict = chain.judge(logged(offset, previous))
        if verdict is Verdict.BEGINS_ANEW:
            accepted.clear()
        if verdict is not Verdict.DOES_NOT:
            accepted.append(offset)
    return accepted


def test_doubles_and_strays_do_not_count() -> None:
    """Wherever the reader begins."""
    whole = [(0, -1), (1, 0), (2, 1), (1, 0), (2, 1), (3, 2)]
    assert follow(*whole) == [0, 1, 2, 3]
    assert follow(*whole, settled=6) == [0, 1, 2, 3]
    assert follow(*whole[2:], settled=4) == [1, 2, 3]
    stray = [(8, 7), (9, 8), (6, 5), (7, 6), (8, 7), (9, 8), (10, 9)]
    assert follow(*stray, settled=7) == [6, 7, 8, 9, 10]
    assert follow((5, 4), *stray, settled=1) == [5, 6, 7, 8, 9, 10]


@pytest.mark.parametrize(
    "text",
    [
        '{"seq":%s}',
        ' { "seq" : %s , "data" : {"seq": 5, "x": [1.50, 1e5, -0, "seq"]} } ',
        '{"a":"\\"seq\\":1","s\\u0065q":%s,"z":{}}',
        '{"data":{"a":"}","b":{"c":[]}},"seq":%s,"ts":"é\\n"}',
        '{"big":' + "9" * 5_000 + ',"seq":\n%s\n}',
        '{"seq":%s,"seq":%s}',
    ],
)
def test_only_the_number_is_replaced(text: str) -> None:
    """Everything else is upstream's, byte for byte."""
    given = text.replace("%s", "12483").encode()
    assert numbered(given, 7) == text.replace("%s", "7").encode()


def test_what_is_shown_of_a_log_record() -> None:
    """A frame where the log says so; an agent's message where it came to something."""
    data = b'{"event":"paused","seq":9}'
    record = logged(1, 0, "conflict", data, accountsequence=3, partitionkey="a", subject="a:s:1")
    shown = status_frame(record, 5)
    assert shown is not None
    assert shown[0] == "a"
    assert (shown[1].seq, shown[1].strategy_id, shown[1].at) == (3, "s:1", 5)
    assert json.loads(shown[1].wire[2:]) == {"event": "paused", "seq": 3}
    assert status_frame(logged(1, 0), 5) is None
    for verdict, name, told in (
        ("applied", "trade", True),
        ("late", "trade", True),
        ("applied", "agent.clock", False),
        ("ignored", "new", False),
        ("duplicate", "trade", False),
    ):
        message = agent_message(logged(1, 0, verdict, b'{"event":"%s"}' % name.encode(), subject="one"))
        assert (message is not None) is told


def test_an_agents_numbers_leave_as_strings_of_the_same_digits() -> None:
    """On the stream as over REST; what is a string or null, or is none of 002, stays as it is."""
    came = (
        '{"event":"trade", "ts":"2026-05-29T18:20:01Z","pair":"BNB/USDT","side":"buy","size":1.50,"price": "612.10",'
        '"realised_pnl":null,"fees":-1E-7 ,"journal_ref":"é","extra":1.50,"nested":{"size":1.0}}'
    )
    went = came.replace("1.50,", '"1.50",', 1).replace("-1E-7", '"-0.0000001"')
    message = agent_message(logged(1, 0, data=came.encode(), subject="one"))
    assert message is not None
    assert message[1].endswith(went.encode())
    plain = came.replace("1.50,", '"1.50",', 1).replace("-1E-7", '"0"')
    message = agent_message(logged(1, 0, data=plain.encode(), subject="one"))
    assert message is not None
    assert message[1].endswith(plain.encode())
