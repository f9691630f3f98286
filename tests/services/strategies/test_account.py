"""Completeness as a fact: upstream's numbers by account, gaps, resets, snapshots; each test is named for its rule."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from services.strategies.account import RANGES
from tests.libs.ledger.folding import Outcome, events, verdicts
from tests.services.strategies.given import (
    ACCOUNT,
    ID,
    Body,
    account,
    fill,
    folded,
    noise,
    said,
    scope,
    snapshot,
    state,
)


def _gaps(outcome: Outcome) -> list[tuple[str, int, int]]:
    """Opened and closed, in order: for a closed one by what."""
    return [
        (data.get("by", "opened"), data["from"], data["to"])
        for name, data in events(outcome)
        if name.startswith("strategy.gap_")
    ]


def _known(*bodies: Body) -> tuple[str, list[list[int]]]:
    now = account(folded(*bodies))
    return now["completeness"], now["gaps"]


def test_an_account_that_misses_nothing_is_complete() -> None:
    """From whatever number it begins, over all of its strategies."""
    outcome = folded(noise(12483), noise(12484, "other"), noise(12485))
    assert account(outcome) == {
        "upstream_seq": 12485,
        "gaps": [],
        "resets": 0,
        "whole": True,
        "seq": 3,
        "completeness": "complete",
    }
    assert _gaps(outcome) == []
    assert (state(outcome)["completeness"], state(outcome)["upstream_seq"]) == ("complete", 12485)


def test_a_jump_opens_a_gap_and_the_arrival_of_all_that_was_missing_closes_it() -> None:
    """First and last missing; the strategies' projections say so too."""
    bodies = [noise(1), noise(5), noise(3), noise(2), noise(4)]
    assert _known(*bodies[:2]) == ("suspect", [[2, 4]])
    assert _known(*bodies[:3]) == ("suspect", [[2, 2], [4, 4]])
    outcome = folded(*bodies)
    assert (account(outcome)["completeness"], account(outcome)["upstream_seq"]) == ("complete", 5)
    assert _gaps(outcome) == [("opened", 2, 4), ("arrival", 2, 4)]
    assert state(folded(*bodies[:2]))["gaps"] == [[2, 4]]
    told = [orjson.loads(one.value or b"") for one in outcome.events if one.key == ACCOUNT.encode()]
    assert [(event["subject"], event["sequence"]) for event in told] == [(ACCOUNT, 1), (ACCOUNT, 2)]
    assert {event["data"]["account"] for event in told} == {ACCOUNT}


def test_what_comes_before_the_first_shows_that_others_may_have_been_overtaken() -> None:
    """The same numbers are missing, whatever came first."""
    assert _known(noise(5), noise(1)) == _known(noise(1), noise(5)) == ("suspect", [[2, 4]])
    assert _known(noise(5), noise(4)) == ("complete", [])
    assert _known(noise(5), noise(1), noise(3), noise(4), noise(2)) == ("complete", [])


def test_gaps_belong_to_the_account_and_not_to_a_strategy() -> None:
    """A number may be any strategy's; one strategy's may close what another's opened."""
    outcome = folded(noise(1, "a"), noise(3, "b"), noise(2, "c"))
    assert _gaps(outcome) == [("opened", 2, 2), ("arrival", 2, 2)]


def test_a_snapshot_closes_gaps_up_to_its_number() -> None:
    """What lies beyond stays missing; from then on the account is repaired, not complete."""
    bodies = [noise(1), noise(5), noise(9)]
    outcome = folded(*bodies, snapshot(6, second=20))
    assert (account(outcome)["completeness"], account(outcome)["gaps"]) == ("suspect", [[7, 8]])
    assert _gaps(outcome) == [("opened", 2, 4), ("opened", 6, 8), ("snapshot", 2, 4)]
    outcome = folded(*bodies, snapshot(9, second=20))
    assert (account(outcome)["completeness"], account(outcome)["gaps"]) == ("repaired", [])
    assert state(outcome)["completeness"] == "repaired"


def test_a_snapshot_beyond_the_last_number_tells_a_gap_that_it_closes() -> None:
    """Nobody missed them yet; the next number follows it."""
    outcome = folded(noise(1), snapshot(4, second=20), noise(5, second=21))
    assert _gaps(outcome) == [("opened", 2, 4), ("snapshot", 2, 4)]
    assert account(outcome)["completeness"] == "repaired"
    assert account(outcome)["upstream_seq"] == 5


def test_a_snapshot_is_no_frame() -> None:
    """Nor is an unknown event, what a connector says, or a duplicate; late ones are."""
    bodies = [
        noise(1),
        snapshot(1, second=20),
        said("restarted", 2, second=21),
        scope(22, "*"),
        noise(1),
        said("deployed", 1, second=0),
        noise(3, second=23),
    ]
    outcome = folded(*bodies)
    assert verdicts(outcome) == ["applied", "applied", "ignored", "applied", "duplicate", "late", "applied"]
    logged = [orjson.loads(record.value or b"") for record in outcome.log]
    assert [record.get("accountsequence") for record in logged] == [1, None, None, None, None, 2, 3]
    assert account(outcome)["seq"] == 3
    assert account(outcome)["gaps"] == [], "an unknown event's number came all the same"


def test_a_counter_that_begins_anew_is_told_from_a_gap() -> None:
    """A number from before at a later time; the gaps of before are no longer filled by what comes now."""
    outcome = folded(noise(100), noise(103), noise(1, second=200), noise(2, second=201), noise(3, second=202))
    now = account(outcome)
    assert (now["resets"], now["upstream_seq"], now["gaps"]) == (1, 3, [[101, 102]])
    assert _gaps(outcome) == [("opened", 101, 102)]
    assert verdicts(outcome) == ["applied"] * 5


def test_the_same_number_after_a_reset_is_a_new_fact() -> None:
    """And a gap of before is not filled by it."""
    outcome = folded(noise(1), noise(3), noise(1, second=10), noise(2, second=11))
    assert verdicts(outcome) == ["applied"] * 4
    assert (account(outcome)["gaps"], account(outcome)["resets"]) == ([[2, 2]], 1)


def test_a_number_fills_only_what_was_missing_in_its_own_time() -> None:
    """The same numbers may be missing from before a reset and after it: they are two facts."""
    before = [noise(100), noise(103)]
    anew = [noise(1, second=200), noise(150, second=350)]
    assert _known(*before, *anew) == ("suspect", [[2, 149], [101, 102]])
    assert _known(*before, *anew, noise(101, second=301)) == ("suspect", [[2, 100], [101, 102], [102, 149]])
    assert _known(*before, *anew, noise(101)) == ("suspect", [[2, 149], [102, 102]])


def test_what_was_missing_before_a_reset_may_still_arrive() -> None:
    """By its time it is from before: it fills what was missing then, and opens nothing now."""
    outcome = folded(noise(100), noise(103), noise(1, second=200), noise(101), noise(102), noise(50))
    now = account(outcome)
    assert (now["completeness"], now["upstream_seq"], now["resets"]) == ("complete", 1, 1)
    assert _gaps(outcome) == [("opened", 101, 102), ("arrival", 101, 102)]


def test_a_snapshot_closes_what_was_lost_before_a_reset() -> None:
    """It shows the strategy as it is, whatever came before."""
    outcome = folded(noise(100), noise(103), noise(1, second=200), snapshot(1, second=201))
    assert (account(outcome)["completeness"], account(outcome)["gaps"]) == ("repaired", [])


def test_an_old_number_at_its_old_time_is_no_reset() -> None:
    """Sent again beyond what is remembered, or overtaken."""
    assert account(folded(noise(1), noise(2), said("paused", 1, second=0.5)))["resets"] == 0


def test_single_subscriptions_claim_nothing() -> None:
    """A connector says so first; with the wildcard numbers count again."""
    outcome = folded(scope(0, "strat_1"), noise(1), noise(9), noise(12))
    assert (account(outcome)["completeness"], account(outcome)["whole"]) == ("complete", False)
    outcome = folded(scope(0, "strat_1"), noise(1), scope(2, "strat_1", "*"), noise(9))
    assert account(outcome)["gaps"] == [[2, 8]]


def test_what_a_connector_says_is_the_accounts_own() -> None:
    """It has a history of its own and is no entity that is counted."""
    outcome = folded(scope(0, "*"), noise(1))
    assert outcome.store.entities[ACCOUNT]["sequence"] == "1"
    assert [one for one in outcome.store.histories if one == ACCOUNT]
    assert outcome.counters["entities"] == 1
    assert outcome.last_states().keys() == {f"{ACCOUNT}:{ID}".encode()}
    both = folded(noise(1), scope(5, "*")).store.entities[ACCOUNT]
    assert both["first_recorded_at"] == "2026-05-29T19:00:00.000Z"


@pytest.mark.parametrize("seq", [0, 1, 2**53 + 1, 2**63 - 1])
def test_numbers_are_exact_to_the_last_digit(seq: int) -> None:
    """Also beyond a float's."""
    outcome = folded(noise(seq, second=1), said("deployed", seq, second=1))
    assert account(outcome)["upstream_seq"] == state(outcome)["upstream_seq"] == seq
    assert events(outcome)[0][1]["seq"] == seq


def test_accounts_don_t_know_of_each_other() -> None:
    """The same strategy id and number of another account are another fact."""
    from services.strategies import AGGREGATE
    from tests.libs.ledger.folding import fold_input, records_of

    records = records_of([orjson.dumps(noise(1)), orjson.dumps(noise(1)), orjson.dumps(noise(3))])
    for record, key in zip(records, (b"a", None, b"b"), strict=True):
        record.key = key
    outcome = fold_input(AGGREGATE, records)
    assert verdicts(outcome) == ["applied"] * 3
    shown: dict[str, Any] = outcome.store.entities
    assert shown.keys() == {f"a:{ID}", f"default:{ID}", f"b:{ID}", "a", "default", "b"}
    assert {shown[one]["completeness"] for one in ("a", "default", "b")} == {"complete"}


def test_a_late_fill_is_a_frame_too() -> None:
    """Subscribers see what the source said, in the order of arrival."""
    outcome = folded(fill(2, "o", "0.5"), fill(1, "o", "0.2"))
    assert verdicts(outcome) == ["applied", "late"]
    assert account(outcome)["seq"] == 2


def test_so_many_gaps_are_told_apart_and_the_oldest_of_more_are_one() -> None:
    """Every document of the account has them all, and each fact looks at them: a hundred thousand would stop it."""
    outcome = folded(*(noise(seq) for seq in range(1, 2 * RANGES + 6, 2)))  # 2, 4, 6 … are missing
    missing = account(outcome)["gaps"]
    assert len(missing) == RANGES
    assert missing[:2] == [[2, 6], [8, 8]], "the oldest three are one"
    assert missing[-1] == [2 * RANGES + 4, 2 * RANGES + 4]
    told = _gaps(outcome)
    assert [one for one in told if one[0] != "opened"] == [], "nothing closed: all of it is missing still"
    assert told[-3:] == [
        ("opened", 2 * RANGES + 2, 2 * RANGES + 2),
        ("opened", 2, 6),
        ("opened", 2 * RANGES + 4, 2 * RANGES + 4),
    ]


def test_a_gap_that_is_filled_in_too_many_places_is_one_range_again_at_its_beginning() -> None:
    """It is the same gap; no number that is missing is left out."""
    wide = [noise(1), noise(10 * RANGES)]
    seqs = range(3, 2 * RANGES + 5, 2)
    outcome = folded(*wide, *(noise(seq, second=20 * RANGES + seq) for seq in seqs))
    missing = account(outcome)["gaps"]
    assert len(missing) == RANGES
    assert (missing[0][0], missing[-1][1]) == (2, 10 * RANGES - 1)
    arrived = set(seqs)
    inside = {seq for first, last in missing for seq in range(first, last + 1)}
    assert inside >= set(range(2, 10 * RANGES)) - arrived
    assert _gaps(outcome) == [("opened", 2, 10 * RANGES - 1)]


def test_a_snapshot_closes_joined_gaps_too() -> None:
    """As one, from the first number to the last that it stands for."""
    outcome = folded(*(noise(seq) for seq in range(1, 2 * RANGES + 4, 2)), snapshot(3 * RANGES))
    assert account(outcome)["gaps"] == []
    closed = [one for one in _gaps(outcome) if one[0] == "snapshot"]
    assert closed[0] == ("snapshot", 2, 4)


def test_open_gaps_are_counted_as_they_are() -> None:
    """Whether one was closed, or joined with another because there were too many to tell apart."""
    assert folded(noise(1), noise(5), noise(9)).counters["gaps_open"] == 2
    assert folded(noise(1), noise(5), noise(9), noise(2), noise(3), noise(4)).counters["gaps_open"] == 1
    many = folded(*(noise(3 * number + 1) for number in range(RANGES + 3)))
    assert many.counters["gaps_open"] == len(account(many)["gaps"])
