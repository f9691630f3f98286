"""What a fact does to an execution, by the ranks of statuses. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

import orjson

from tests.bench.subjects.quix_streams.contract import EXECUTED, RANKS, TERMINAL, Document
from tests.bench.subjects.quix_streams.derived import applied, disputed, notice
from tests.bench.subjects.quix_streams.envelope import Place, events
from tests.bench.subjects.quix_streams.execution import Memory, canonical, kept, recalled, shown, unknown
from tests.bench.subjects.quix_streams.output import Headers, Output

_HEADERS: Final[Headers] = [("content-type", b"application/json")]


def fold(
    execution_id: str, body: Document, place: Place, stored: bytes | None
) -> tuple[bytes, list[Output]] | None:
    """What the state store is to have from now on, and what to write; None for a fact that was accepted before."""
    digest = hashlib.sha1(orjson.dumps(body, option=orjson.OPT_SORT_KEYS), usedforsecurity=False).hexdigest()
    identity = (body["strategy_id"].lower(), body["operation_id"].lower())
    if stored is None:
        memory, document = Memory(*identity, first_recorded_at=place.recorded), unknown(execution_id)
    else:
        memory, document = recalled(stored)
        if digest in memory.facts:
            return None
    memory.sequence += 1
    memory.facts.append(digest)
    outputs, derived = [], []
    rank = RANKS.get(body["status"])
    other = identity != (memory.strategy_id, memory.operation_id)
    if other or (memory.status is not None and rank == TERMINAL == RANKS[memory.status]):
        memory.disputed = True
        derived = disputed(memory, document, body)
    elif rank is not None and (memory.status is None or rank > RANKS[memory.status]):
        derived = applied(memory.status, memory.filled, body)
        memory.status, memory.status_reason = body["status"], body["status_reason"]
        filled = {i for i, one in enumerate(body["instructions"]) if one["status"] == EXECUTED}
        memory.filled = sorted(filled.union(memory.filled))
        document = canonical(body)
        outputs.append(notice(execution_id, memory.operation_id, body))
    if derived:
        outputs += events(place, execution_id, body, derived, memory.events)
        memory.events += len(derived)
    state = shown(memory, document, place.recorded)
    outputs.append(Output("executions.state", execution_id.encode(), state, _HEADERS, place.partition))
    return kept(memory, document), outputs
