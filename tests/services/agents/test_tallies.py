"""What agents count beside the verdicts."""

from __future__ import annotations

from tests.services.agents.given import folded, said


def test_blocks_are_counted_by_the_rule_and_those_of_quotes_by_the_code() -> None:
    """Whoever blocked; each message once."""
    veto = said("risk_veto", 1, rule="daily_drawdown")
    counters = folded(
        veto,
        veto,
        said("twak_block", 2, rule="daily_drawdown"),
        said("quote_rejected", 3, code="QUOTE_STALE"),
    ).counters
    assert {name: n for name, n in counters.items() if ":" in name} == {
        "block:daily_drawdown": 2,
        "block:QUOTE_STALE": 1,
    }
