"""A small input that has something of all that may come to executions: what the subjects' work is compared over."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from itertools import zip_longest
from typing import Any, Final, NamedTuple

from libs.contracts.partitions import partition_of
from services.simulator.load import bench_executions
from tests.bench.workload import PARTITIONS
from tests.e2e import broken

_EACH: Final = 8  # executions of each story
_SEED: Final = 5

Document = dict[str, Any]
Headers = tuple[tuple[str, bytes | None], ...]


class Sent(NamedTuple):
    """A record of ``executions.in``."""

    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


def folded_and_refused() -> list[Sent]:
    """All stories, told at the same time, and among them everything that can't be folded."""
    pairs = zip_longest(_facts(), _refused())
    return [one for pair in pairs for one in pair if one is not None]


def _facts() -> list[Sent]:
    """Each on its own partition under its own key."""
    pairs = _pairs(len(_STORIES) * _EACH)
    told = [story(*next(pairs)) for story in _STORIES for _ in range(_EACH)]
    return [_sent(value) for values in zip_longest(*told) for value in values if value is not None]


def _refused() -> list[Sent]:
    """Whatever can't be folded, where it would be if it could."""
    rows = [row for row in broken.table() if row.service == "executions" or row.error == "not_json"]
    small = [row for row in rows if row.value is None or len(row.value) < 1024 * 1024]
    return [
        Sent(0, b"-" if row.value is None else row.key, row.value, row.headers)
        if row.subject is None
        else Sent(partition_of(row.subject, PARTITIONS), row.subject.encode(), row.value, row.headers)
        for row in small
    ]


def misplaced() -> list[Sent]:
    """Facts once more, on other partitions than their own, under other keys."""
    wrong = []
    for number, (partition, key, value, _) in enumerate(_facts()[:_EACH]):
        other = (partition + 1 + number) % PARTITIONS
        if other != partition:
            wrong.append(Sent(other, None if number % 2 else b"other " + (key or b""), value))
    return wrong


def last() -> list[Sent]:
    """One fact for each partition, for who waits until all before it is done."""
    found: dict[int, Sent] = {}
    for awaiting, _ in _pairs(100, _SEED + 1):
        sent = _sent(_json(awaiting))
        found.setdefault(sent.partition, sent)
    return list(found.values())


def _pairs(count: int, seed: int = _SEED) -> Iterator[tuple[Document, Document]]:
    """Both bodies of so many executions."""
    first: dict[str, Document] = {}
    for body in map(json.loads, bench_executions(count, seed)):
        if body["id"] in first:
            yield first.pop(body["id"]), body
        else:
            first[body["id"]] = body


def _sent(value: bytes) -> Sent:
    execution_id = json.loads(value)["id"].lower()
    return Sent(partition_of(execution_id, PARTITIONS), execution_id.encode(), value)


def _json(body: Document, **changes: Any) -> bytes:
    return json.dumps({**body, **changes}, ensure_ascii=False).encode()


def _as_told(awaiting: Document, settled: Document) -> list[bytes]:
    return [_json(awaiting), _json(settled)]


def _repeated(awaiting: Document, settled: Document) -> list[bytes]:
    backwards = dict(reversed(settled.items()))
    return [
        *(_json(awaiting), _json(awaiting), _json(settled)),
        *(json.dumps(backwards, indent=2).encode(), _json(awaiting)),
    ]


def _late(awaiting: Document, settled: Document) -> list[bytes]:
    other = _json(awaiting, account_label="later")
    return [_json(settled), _json(awaiting), other, other]


def _restated(awaiting: Document, settled: Document) -> list[bytes]:
    return [_json(awaiting), _json(awaiting, participant_code="Ünlü \U0001f600"), _json(settled)]


def _contradicted(awaiting: Document, settled: Document) -> list[bytes]:
    first, *rest = settled["instructions"]
    dearer = _json(settled, instructions=[{**first, "price": "1.5", "note": "a/b~c"}, *rest])
    fewer = _json(settled, instructions=rest)
    rejected = _json(settled, status="rejected", status_reason="insufficient_funds")
    return [_json(awaiting), _json(settled), dearer, rejected, fewer, rejected]


def _of_another(awaiting: Document, settled: Document) -> list[bytes]:
    stranger = settled["trader_id"]
    return [_json(awaiting, strategy_id=stranger), _json(awaiting), _json(settled, strategy_id=stranger)]


def _unknown(awaiting: Document, settled: Document) -> list[bytes]:
    other = _json(awaiting, operation_id=awaiting["trader_id"])
    return [_json(awaiting, status="paused"), other, _json(awaiting), _json(settled, status="SETTLED")]


def _never_known(awaiting: Document, _: Document) -> list[bytes]:
    return [_json(awaiting, status=""), _json(awaiting, status="gone")]


def _extended(awaiting: Document, settled: Document) -> list[bytes]:
    first, *rest = awaiting["instructions"]
    noted = _json(awaiting, instructions=[{**first, "lots": 3}, *rest])
    more = {"zeta": None, "alpha": "x", "nested": {"b": [1, True, {}], "a": None, "é": "é"}}
    exact = _json(settled, fee="FEE", **more, _own=1, sequence=7)
    numbers = (b"1.50", b"1.50", b"1.5", b"1e400", b"12345678901234567890123")
    return [noted, *(exact.replace(b'"FEE"', digits) for digits in numbers)]


def _without_reason(awaiting: Document, settled: Document) -> list[bytes]:
    ended = {**settled, "status": "skipped", "instructions": []}
    return [_json(awaiting, status_reason=None), _json(awaiting), _json(ended, status_reason="below_minimum")]


def _rejected_at_once(awaiting: Document, _: Document) -> list[bytes]:
    rejected = {**awaiting, "trader_id": "", "instructions": [], "status_reason": "trader_not_enrolled"}
    return [_json(rejected, status="rejected")]


def _in_capitals(awaiting: Document, settled: Document) -> list[bytes]:
    names = ("id", "strategy_id", "operation_id", "trader_id")
    loud = {**settled, **{name: settled[name].upper() for name in names}}
    return [_json(awaiting), _json(loud, updated_at="2026-05-29t20:00:00.123456789+02:00"), _json(settled)]


def _filled_by_halves(awaiting: Document, settled: Document) -> list[bytes]:
    half = [settled["instructions"][0], awaiting["instructions"][1]]
    return [_json(awaiting, instructions=half), _json(settled)]


_STORIES: Final[tuple[Callable[[Document, Document], list[bytes]], ...]] = (
    _as_told,
    _repeated,
    _late,
    _restated,
    _contradicted,
    _of_another,
    _unknown,
    _never_known,
    _extended,
    _without_reason,
    _rejected_at_once,
    _in_capitals,
    _filled_by_halves,
)
