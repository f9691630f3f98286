"""A refold that begins from another state than the log did is noticed before anything of it takes effect."""

from __future__ import annotations

import orjson
import pytest

from libs.ledger.envelope import Origin, parse_log_record
from libs.ledger.intake import read_log
from libs.ledger.partition import Diverged, PartitionFold
from services.executions import AGGREGATE
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.executions.given import ID, status


@pytest.mark.parametrize("lost", ["nothing", "the entity", "the position"])
def test_a_sequence_that_is_not_the_logs_is_refused(lost: str) -> None:
    """Redis kept the position but not the entity, or the entity but not the position."""
    bodies = (status("awaiting_execution"), status("settled"))
    first = fold_input(AGGREGATE, records_of(map(orjson.dumps, bodies)))
    logged = [parse_log_record(record.value or b"") for record in first.log]
    fold = PartitionFold(AGGREGATE, Origin("executions", "executions.in", 0))
    entities = {ID: fold.new_entity(ID)}
    fold.fold([read_log(AGGREGATE, logged[0])], entities)
    if lost == "the entity":
        entities = {ID: fold.new_entity(ID)}
    again = logged[0] if lost == "the position" else logged[1]
    if lost == "nothing":
        assert fold.fold([read_log(AGGREGATE, again)], entities).last == 1
        return
    with pytest.raises(Diverged):
        fold.fold([read_log(AGGREGATE, again)], entities)
