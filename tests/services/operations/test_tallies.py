"""What operations count beside the verdicts; each test is named for the rule that it guards."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from libs.contracts.monitoring import SETTLEMENT_BOUNDS_MS
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
    assert _tallies(status("settled", second=47)) == {"reason:none": 1, "settled_within_ms:4000": 1}
    early = status("settled", second=42)  # a clock that ran backwards
    assert _tallies(early) == {"reason:none": 1, "settled_within_ms:100": 1}


def test_every_class_of_settlement_times_is_counted_by_itself() -> None:
    """However many there are: none is put together with others, as names that senders choose are."""
    bounds = [bound for bound in SETTLEMENT_BOUNDS_MS if bound % 1_000 == 0][:100]
    created = datetime.fromisoformat(status("settled")["created_at"])
    bodies = [
        status(
            "settled", id=str(UUID(int=bound)), updated_at=f"{created + timedelta(milliseconds=bound):%FT%TZ}"
        )
        for bound in bounds
    ]
    assert _tallies(*bodies) == {"reason:none": 100, **{f"settled_within_ms:{bound}": 1 for bound in bounds}}
