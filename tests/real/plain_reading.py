"""What the contract says of verdicts, read plainly and slowly: no code of the program's, JSON as Python parses it."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

RANKS = {
    "operations": {"validating": 0, "pricing": 1, "settling": 2, "settled": 3, "skipped": 3, "failed": 3},
    "executions": {"awaiting_execution": 0, "settled": 1, "rejected": 1, "skipped": 1},
}
UNSEQUENCED = ("duplicate", "quarantined", "forwarded")


@dataclass
class Known:
    """An entity as far as verdicts depend on it."""

    facts: set[str] = field(default_factory=set)
    sequence: int = 0
    status: str | None = None
    identity: tuple[str, ...] | None = None
    strategy: str | None = None
    executions: dict[str, str] = field(default_factory=dict)


class PlainReading:
    """Judges the facts of one partition in order."""

    def __init__(self, service: str) -> None:
        self.service = service
        self.entities: dict[str, Known] = {}

    def judge(self, body: bytes) -> tuple[str, str, int | None]:
        """The subject, the verdict and the sequence of a valid body."""
        document = json.loads(body, parse_float=_literal, parse_int=_literal)
        subject = document["id"].lower()
        known = self.entities.setdefault(subject, Known())
        same = json.dumps(document, sort_keys=True)
        if same in known.facts:
            return subject, "duplicate", None
        verdict = self._decide(known, document)
        known.facts.add(same)
        known.sequence += 1
        return subject, verdict, known.sequence

    def _decide(self, known: Known, document: dict[str, Any]) -> str:
        strategy = document["strategy_id"].lower()
        if document.get("event") == "execution.outcome":
            if known.strategy not in (None, strategy):
                return "conflict"
            execution = document["execution_id"].lower()
            verdict = self._ranked("executions", known.executions.get(execution), document["status"])
            if verdict == "applied":
                known.strategy = strategy
                known.executions[execution] = document["status"]
            return verdict
        if self.service == "operations":
            identity: tuple[str, ...] = (document["request_id"].lower(), document["type"])
        else:
            identity = (document["operation_id"].lower(),)
        if known.strategy not in (None, strategy) or known.identity not in (None, identity):
            return "conflict"
        verdict = self._ranked(self.service, known.status, document["status"])
        if verdict == "applied":
            known.strategy, known.identity, known.status = strategy, identity, document["status"]
        return verdict

    @staticmethod
    def _ranked(service: str, known: str | None, status: str) -> str:
        ranks = RANKS[service]
        if status not in ranks:
            return "ignored"
        if known is None or ranks[status] > ranks[known]:
            return "applied"
        return "conflict" if ranks[status] == max(ranks.values()) else "late"


def _literal(digits: str) -> list[str]:
    """A number as the sender wrote it, told apart from a string with the same characters."""
    return ["number", digits]
