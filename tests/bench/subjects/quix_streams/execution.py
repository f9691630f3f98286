"""What is known of an execution, as bytes in the state store and as the document in ``executions.state``."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import orjson

from tests.bench.subjects.quix_streams.contract import FIELDS, Document

_BOOKKEEPING: Final = frozenset({"sequence", "disputed", "first_recorded_at", "last_recorded_at"})
_END: Final = b"\n"  # compact JSON has none outside its strings, and within them it is escaped


@dataclass(slots=True)
class Memory:
    """What a fold has to know of the facts before; ``status`` is None until one was applied.

    ``strategy_id`` and ``operation_id`` are those of the first fact, ``facts`` digests of all that were accepted,
    ``filled`` the indexes of executed instructions, ``events`` the last sequence among the derived ones.
    """

    strategy_id: str
    operation_id: str
    first_recorded_at: str
    status: str | None = None
    status_reason: str = ""
    sequence: int = 0
    events: int = 0
    disputed: bool = False
    filled: list[int] = field(default_factory=list)
    facts: list[str] = field(default_factory=list)


def kept(memory: Memory, document: bytes) -> bytes:
    """For the state store."""
    return orjson.dumps(memory) + _END + document


def recalled(value: bytes) -> tuple[Memory, bytes]:
    """What ``kept`` was given."""
    memory, _, document = value.partition(_END)
    return Memory(**orjson.loads(memory)), document


def unknown(execution_id: str) -> bytes:
    """The document of an execution of which nothing was applied yet, without bookkeeping."""
    return orjson.dumps({**dict.fromkeys(FIELDS), "id": execution_id})


def canonical(body: Document) -> bytes:
    """The document of an applied body, without bookkeeping: named fields in their order, then the others by name."""
    if tuple(body) == FIELDS:
        return orjson.dumps(body)
    extras = sorted(n for n in body if n not in FIELDS and n not in _BOOKKEEPING and not n.startswith("_"))
    return orjson.dumps({name: body[name] for name in (*FIELDS, *extras)})


def shown(memory: Memory, document: bytes, recorded: str) -> bytes:
    """The document with its bookkeeping, after a fact that was recorded then."""
    return (
        document[:-1]
        + (
            f',"sequence":{memory.sequence},"disputed":{"true" if memory.disputed else "false"},'
            f'"first_recorded_at":"{memory.first_recorded_at}","last_recorded_at":"{recorded}"}}'
        ).encode()
    )
