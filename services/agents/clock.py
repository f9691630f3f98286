"""When an agent has to be told what time it is. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from libs.contracts.agents import CLOCK_EVENT
from libs.ledger.aggregate import Watch
from libs.ledger.times import rfc3339
from services.agents.model import falls_quiet
from services.agents.view import WATCHED, restore


def due(agent_id: str, fields: Mapping[str, str], _: Mapping[str, str], now: int) -> dict[str, Any] | None:
    """The clock's event for an agent whose snapshots fail to come; ``now`` in ms."""
    if not falls_quiet(restore(agent_id, fields), now):
        return None
    return {"event": CLOCK_EVENT, "ts": rfc3339(now)}


WATCH: Final = Watch(WATCHED, due)
