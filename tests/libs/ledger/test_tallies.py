"""Counts by names that senders choose: bounded, and the same whatever happened in between."""

from __future__ import annotations

from libs.ledger.tallies import NAME_CHARACTERS, NAMES, Tally, add


def test_a_count_is_kept_by_kind_and_name() -> None:
    """Without a name the kind itself is the counter; amounts may be negative."""
    counters: dict[str, int] = {}
    for one in (
        Tally("reason", "late"),
        Tally("reason", "late"),
        Tally("open", amount=3),
        Tally("open", amount=-1),
    ):
        add(counters, one)
    assert counters == {"reason:late": 2, "open": 2}


def test_an_empty_name_has_a_name() -> None:
    """A field of a chart needs one."""
    counters: dict[str, int] = {}
    add(counters, Tally("reason", ""))
    assert counters == {"reason:none": 1}


def test_a_stranger_can_not_make_up_counters_without_end() -> None:
    """The first names of a kind are told apart, those after them are together; long ones are cut."""
    counters = {"in_total": 7}
    for number in range(NAMES + 50):
        add(counters, Tally("reason", f"r{number}"))
    add(counters, Tally("reason", "r0"))
    add(counters, Tally("block", "x" * 1_000))
    assert counters["reason:r0"] == 2
    assert counters["reason:other"] == 50
    assert counters[f"block:{'x' * NAME_CHARACTERS}"] == 1
    assert len(counters) == 1 + NAMES + 1 + 1


def test_names_of_our_own_are_all_told_apart() -> None:
    """Classes of a histogram, say: to put some of them together would spoil it."""
    counters: dict[str, int] = {}
    for number in range(3 * NAMES):
        add(counters, Tally("class", str(number), listed=True))
    assert len(counters) == 3 * NAMES
