"""What executions count beside the verdicts; each test is named for the rule that it guards."""

from __future__ import annotations

from tests.services.executions.given import Body, folded, status


def _settled(notional: str, currency: str = "USD") -> Body:
    body = status("settled")
    body["instructions"] = [
        {**body["instructions"][0], "total_notional": notional, "quoted_currency": currency}
    ]
    return body


def test_an_execution_ends_once_with_one_reason() -> None:
    """What contradicts it later, or says the same again, counts for nothing."""
    body = status("rejected", status_reason="trader_not_enrolled")
    counters = folded(status("awaiting_execution"), body, body, status("settled", second=50)).counters
    assert {name: n for name, n in counters.items() if name.startswith("reason:")} == {
        "reason:trader_not_enrolled": 1
    }
    assert not any(name.startswith("notional_e18:") for name in counters)


def test_what_was_filled_is_summed_exactly() -> None:
    """To the eighteenth decimal, beyond what a float could tell, and by the currency it was quoted in."""
    counters = folded(_settled("123456789012345678.000000000000000001", "USDT")).counters
    assert counters["notional_e18:USDT"] == 123456789012345678_000000000000000001
    assert folded(_settled("-0.5")).counters["notional_e18:USD"] == -5 * 10**17
