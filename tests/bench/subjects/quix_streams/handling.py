"""A record of ``executions.in``: folded, sent to where it belongs, or refused. Pure."""

from __future__ import annotations

from typing import Any

from tests.bench.subjects.quix_streams.envelope import Place
from tests.bench.subjects.quix_streams.folding import fold
from tests.bench.subjects.quix_streams.output import Headers, Output
from tests.bench.subjects.quix_streams.reading import Refused, read


def handle(
    value: bytes | None, key: bytes | None, headers: Headers | None, place: Place, stored: bytes | None
) -> tuple[bytes | None, list[Output]]:
    """What to store for this key from now on, None for what is there; and what to write.

    Each key has a state of its own, so the key has to be the execution's id.
    """
    try:
        body = read(value)
    except Refused as refused:
        if refused.id is not None and refused.id.encode() != key:
            return None, [_forwarded(refused.id, value, place, headers)]
        return None, [_letter(refused, key, value, place, headers)]
    execution_id = body["id"].lower()
    if execution_id.encode() != key:
        return None, [_forwarded(execution_id, value, place, headers)]
    return fold(execution_id, body, place, stored) or (None, [])


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
        ("at", place.recorded.encode()),
    ]
    return Output("executions.dead", key, value, why + (headers or []), place.partition)
