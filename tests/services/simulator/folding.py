"""Both services' folds on one partition each, wired as the workers wire them, without any IO."""

from __future__ import annotations

from typing import Any, TypeVar

import orjson

from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import Entity
from libs.ledger.envelope import Origin
from libs.ledger.intake import read_input
from libs.ledger.partition import PartitionFold
from libs.ledger.records import Folded, InputRecord, Reading
from services.executions import AGGREGATE as EXECUTIONS
from services.executions.model import Execution
from services.operations import AGGREGATE as OPERATIONS
from services.operations.model import Operation
from services.simulator.scenario import Webhook

S = TypeVar("S")


def intake(webhook: Webhook, body: bytes, offset: int = 0) -> Reading:
    """What the service's intake makes of a body, on the only partition there is."""
    record = InputRecord(offset, 1_780_000_000_000 + offset, None, body)
    return (
        read_input(OPERATIONS, 0, 1, record)
        if webhook == "operations"
        else read_input(EXECUTIONS, 0, 1, record)
    )


class Folds:
    """Folds bodies one by one; outcomes of executions reach their operations at once."""

    def __init__(self) -> None:
        self.operations: dict[str, Entity[Operation]] = {}
        self.executions: dict[str, Entity[Execution]] = {}
        self.events: list[dict[str, Any]] = []
        self._operations = PartitionFold(OPERATIONS, Origin("operations", "operations.in", 0))
        self._executions = PartitionFold(EXECUTIONS, Origin("executions", "executions.in", 0))

    def take(self, webhook: Webhook, body: bytes) -> str:
        """Fold a body; returns its verdict."""
        if webhook == "operations":
            return self._verdict(self._fold(OPERATIONS, self._operations, self.operations, webhook, body))
        folded = self._fold(EXECUTIONS, self._executions, self.executions, webhook, body)
        for notice in folded.notices:
            assert notice.record.value is not None
            self.take("operations", notice.record.value)
        return self._verdict(folded)

    def _fold(
        self,
        aggregate: Aggregate[S],
        fold: PartitionFold[S],
        entities: dict[str, Entity[S]],
        webhook: Webhook,
        body: bytes,
    ) -> Folded:
        reading = intake(webhook, body, fold.position + 1)
        if reading.fact is not None:
            subject = reading.about.subject
            assert subject is not None
            entities.setdefault(subject, fold.new_entity(subject))
        folded = fold.fold([reading], entities)
        self.events += [orjson.loads(event.value or b"") for event in folded.events]
        return folded

    @staticmethod
    def _verdict(folded: Folded) -> str:
        verdict: str = orjson.loads(folded.log[0].value or b"")["verdict"]
        return verdict
