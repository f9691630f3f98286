"""A client is given up for its own silence, never for what the process slept through."""

from __future__ import annotations

from libs.runtime.wakefulness import Wakefulness


def test_it_counts_while_it_is_looked_at_on_time() -> None:
    awake = Wakefulness(5, 100)
    assert [awake.look(100 + 5 * turn) for turn in range(1, 15)] == [5 * turn for turn in range(1, 15)]


def test_a_pause_begins_the_count_anew() -> None:
    awake = Wakefulness(5, 100)
    awake.look(105)
    assert awake.look(105 + 300) == 0
    assert awake.look(105 + 305) == 5


def test_a_late_look_is_no_pause() -> None:
    awake = Wakefulness(5, 100)
    assert awake.look(109) == 9
