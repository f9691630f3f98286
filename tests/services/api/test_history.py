"""An entity's history as the API tells it: what each record changed, and what a contradicting one claimed."""

from __future__ import annotations

import orjson

from services.api.past import told
from services.operations import AGGREGATE
from tests.services.operations.given import ID, folded, status


def test_a_record_says_what_it_changed_and_one_that_contradicts_what_it_claimed_otherwise() -> None:
    outcome = folded(status("pricing"), status("settled"), status("failed", "all_rejected"))
    records = [orjson.loads(one) for _, one in told(AGGREGATE, ID, outcome.store.histories[ID], 1, 9)]
    assert [(one["verdict"], one["changed"]) for one in records] == [
        ("applied", {"status": ["pricing", "settled"]}),
        ("conflict", {}),
    ]
    assert "claimed" not in records[0]
    assert records[1]["claimed"] == {"status": ["settled", "failed"], "status_reason": ["", "all_rejected"]}
