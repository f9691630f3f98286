"""An agent as Redis and ``agents.state`` show it, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson

from libs.ledger.aggregate import View
from services.agents.model import Agent

_TEXTS: Final = (
    "id",
    "status",
    "phase",
    "equity",
    "peak_equity",
    "drawdown",
    "daily_drawdown_used",
    "mode",
    "promotion_tx_hash",
    "demotion_rule",
    "demotion_limit",
    "locked_until",
)
_SUMS: Final = ("realised_pnl_total", "fees_total")
_COUNTS: Final = ("risk_vetoes_total", "twak_blocks_total", "quotes_rejected_total")
_LAST: Final = ("last_event", "last_event_at")
_NULLABLE: Final = (*_TEXTS[1:7], *_TEXTS[8:], *_LAST)
_REMEMBERED: Final = (
    "last_at",
    "snapshot_at",
    "changed_at",
    "moded_at",
    "promoted_at",
    "demoted_at",
    "quiet",
)

WATCHED: Final = ("cadence", "watched")  # the index of the agents whose snapshots are waited for


def render(state: Agent) -> View:
    """The projection's own fields; ``_memory`` says what is newer than what, and which text is itself ``null``."""
    names = (*_TEXTS, "trades_total", *_SUMS, *_COUNTS, *_LAST)
    document = {name: getattr(state, name) for name in names}
    fields = {name: "null" if value is None else str(value) for name, value in document.items()}
    remembered = [getattr(state, name) for name in _REMEMBERED]
    literal = [name for name in _NULLABLE if document[name] == "null"]
    fields["_memory"] = orjson.dumps([remembered, literal]).decode()
    indexes = {("mode", state.mode)}  # PAPER or LIVE: each agent is in one of two, so that all can be listed
    if state.status is not None:
        indexes.add(("status", state.status))
    if state.snapshot_at is not None and not state.quiet:
        indexes.add(WATCHED)
    return View(fields, orjson.dumps(document), frozenset(indexes))


def restore(agent_id: str, fields: Mapping[str, str]) -> Agent:
    """The state that ``render`` was made from. Raises KeyError, ValueError."""
    remembered, literal = orjson.loads(fields["_memory"])
    told: dict[str, Any] = {
        name: None if fields[name] == "null" and name not in literal else fields[name] for name in _NULLABLE
    }
    told |= {name: int(fields[name]) for name in ("trades_total", *_COUNTS)}
    told |= {name: fields[name] for name in ("mode", *_SUMS)}
    told |= zip(_REMEMBERED, remembered, strict=True)
    return Agent(id=agent_id, **told)
