"""What becomes of a process that ended, and which processes there are."""

from __future__ import annotations

import pytest

from services.cli.failures import Failure
from services.cli.roster import channels, folding, placed, roster
from services.cli.supervision import judge

BOTH = ("operations", "executions")


def test_a_wrong_setting_is_not_tried_again() -> None:
    assert judge(2, 0.5, 0).pause is None


@pytest.mark.parametrize(
    ("status", "said"), [(-9, "SIGKILL"), (3, "stuck"), (1, "status 1"), (0, "status 0"), (-99, "99")]
)
def test_any_other_end_is_followed_by_a_new_start(status: int, said: str) -> None:
    verdict = judge(status, 100.0, 0)
    assert verdict.pause is not None
    assert verdict.pause < 1
    assert said in verdict.why


def test_pauses_grow_with_ends_in_quick_succession_and_stay_bounded() -> None:
    pauses, streak = [], 0
    for _ in range(12):
        verdict = judge(1, 0.1, streak)
        streak = verdict.streak
        assert verdict.pause is not None
        pauses.append(verdict.pause)
    assert pauses == sorted(pauses)
    assert pauses[3] > pauses[0]
    assert pauses[-1] == 15.0
    assert judge(1, 60.0, streak).pause == pauses[0]


def test_without_a_choice_all_but_the_demo_run() -> None:
    assert [one.name for one in roster(BOTH, [], demo=False)] == [*BOTH, "gateway", "api", "metrics"]
    assert [one.name for one in roster(BOTH, [], demo=True)][-1] == "simulator"


def test_a_demo_of_streams_has_an_upstream_and_a_connector_that_share_a_port() -> None:
    chosen = roster(("agents", "strategies"), ["agents"], demo=True)
    assert [one.name for one in chosen] == ["agents", "agent-upstream", "agent-connector"]
    assert channels(chosen) == ("agents",)
    serving, calling = (placed(one, {"agents": 4711}) for one in chosen[1:])
    assert "4711" in serving
    assert any(":4711/" in one for one in calling)
    # without its worker, neither is of use
    assert {one.feeds for one in roster(BOTH, [], demo=True)} == {None}


def test_a_demo_of_versions_has_an_api_a_portfolio_manager_and_a_broker() -> None:
    needed = ["versions", "api", "portfolio-manager", "broker"]
    assert [one.name for one in roster(("versions", "agents"), ["versions"], demo=True)] == needed
    assert [one.name for one in roster(("versions",), ["versions"], demo=False)] == ["versions"]
    # where nobody folds versions, neither is of use
    assert not {"portfolio-manager", "broker"} & {one.name for one in roster(BOTH, [], demo=True)}


def test_the_services_of_the_settings_narrow_the_workers_alone() -> None:
    assert [one.name for one in roster(("executions",), [], demo=False)] == [
        "executions",
        "gateway",
        "api",
        "metrics",
    ]


def test_a_choice_may_be_words_or_have_commas_and_a_demo_keeps_what_it_needs() -> None:
    assert [one.name for one in roster(BOTH, ["operations,gateway"], demo=False)] == ["operations", "gateway"]
    assert [one.name for one in roster(BOTH, ["executions", "operations"], demo=False)] == list(BOTH)
    assert [one.name for one in roster(BOTH, ["executions"], demo=True)] == [
        "executions",
        "gateway",
        "simulator",
    ]


def test_an_unknown_name_and_nothing_left_are_refused() -> None:
    with pytest.raises(Failure, match="'orders'"):
        roster(BOTH, ["orders"], demo=False)
    with pytest.raises(Failure, match="nothing is left"):
        roster(("executions",), ["operations"], demo=False)


def test_readiness_speaks_of_the_workers_that_run() -> None:
    """With --only the others' partitions would never be ready, and neither would what waits for them."""
    assert folding(roster(BOTH, ["executions", "api"], demo=False)) == ("executions",)
    assert folding(roster(BOTH, ["api"], demo=False)) == ()
