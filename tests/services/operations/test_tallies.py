"""What operations count beside the verdicts; each test is named for the rule that it guards."""

from __future__ import annotations

from tests.services.operations.given import Body, folded, status


def _tallies(*bodies: Body) -> dict[str, int]:
    return {name: n for name, n in folded(*bodies).counters.items() if ":" in name}


def test_an_operation_ends_once_with_one_reason() -> None:
    """No reason is one, too."""
    assert _tallies(status("settling"), status("failed", "all_rejected"), status("settled", second=44)) == {
        "reason:all_rejected": 1
    }
    assert _tallies(status("skipped", None)) == {"reason:none": 1}


def test_only_what_settled_has_a_settlement_time() -> None:
    """From its creation, by the source's clock, in the first class whose bound is not below it; created at :43."""
    assert _tallies(status("settled", second=46)) == {"reason:none": 1, "settled_within_ms:3000": 1}
    assert _tallies(status("settled", second=47)) == {"reason:none": 1, "settled_within_ms:5000": 1}
    early = status("settled", second=42)  # a clock that ran backwards
    assert _tallies(early) == {"reason:none": 1, "settled_within_ms:100": 1}
