"""Which of an agent's append-only streams a message is entered into."""

from __future__ import annotations

from typing import Final

from libs.contracts.agents import MESSAGES
from libs.ledger.aggregate import Entry
from libs.ledger.document import Shape, canonical, hash_fields
from libs.ledger.fact import Fact
from libs.ledger.verdict import Verdict

_STREAMS: Final = {
    "snapshot": "equity",
    "trade": "trades",
    "journal_entry": "journal",
    "risk_veto": "blocks",
    "twak_block": "blocks",
}
_SHAPES: Final = {
    event: Shape(tuple(MESSAGES[event].model_fields), frozenset(), frozenset()) for event in _STREAMS
}


def enter(fact: Fact, verdict: Verdict) -> list[Entry]:
    """The message itself, also one that came late: it happened."""
    event = fact.body["event"]
    if event not in _STREAMS or verdict not in (Verdict.APPLIED, Verdict.LATE):
        return []
    return [Entry(_STREAMS[event], hash_fields(canonical(fact.body, _SHAPES[event])))]
