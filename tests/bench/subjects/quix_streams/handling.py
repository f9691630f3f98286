"""A record of ``executions.in``: folded, sent to where it belongs, or refused."""

from __future__ import annotations

from typing import Any

from quixstreams import State, message_context

from tests.bench.subjects.quix_streams.envelope import Place
from tests.bench.subjects.quix_streams.folding import fold
from tests.bench.subjects.quix_streams.output import Headers, Output
from tests.bench.subjects.quix_streams.reading import Refused, read
from tests.bench.subjects.quix_streams.times import rfc3339

_STATE = "execution"


def handle(
    value: bytes | None, key: bytes | None, timestamp: int, headers: Headers | None, state: State
) -> list[Output]:
    """What to write; the state store gives each key a state of its own, so the key has to be the execution's id."""
    context = message_context()
    place = Place(context.topic, context.partition, context.offset, timestamp)
    try:
        body = read(value)
    except Refused as refused:
        if refused.id is not None and refused.id.encode() != key:
            return [_forwarded(refused.id, value, place, headers)]
        return [_letter(refused, key, value, place, headers)]
    execution_id = body["id"].lower()
    if execution_id.encode() != key:
        return [_forwarded(execution_id, value, place, headers)]
    folded = fold(execution_id, body, place, state.get_bytes(_STATE))
    if folded is None:
        return []
    kept, outputs = folded
    state.set_bytes(_STATE, kept)
    return outputs


def _forwarded(execution_id: str, value: Any, place: Place, headers: Headers | None) -> Output:
    own = [*(headers or []), ("forwarded-from", str(place).encode())]
    return Output("executions.in", execution_id.encode(), value, own)


def _letter(
    refused: Refused, key: bytes | None, value: bytes | None, place: Place, headers: Headers | None
) -> Output:
    why: Headers = [
        ("error", refused.error.encode()),
        ("detail", refused.detail.encode(errors="replace")),
        ("pointer", refused.pointer.encode(errors="replace")),
        ("source", str(place).encode()),
        ("service", b"executions"),
        ("at", rfc3339(place.recorded).encode()),
    ]
    return Output("executions.dead", key, value, why + (headers or []), place.partition)
