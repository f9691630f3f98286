"""What a service makes of a body is shown in Redis and remembered there, whatever else the sender put in."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import Origin
from libs.ledger.partition import PartitionFold
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.contracts import golden
from tests.contracts.golden import message
from tests.libs.ledger.folding import fold_input, records_of

_EXAMPLES: list[tuple[Aggregate[Any], bytes]] = [
    (EXECUTIONS, message("executions", "settled")),
    (OPERATIONS, message("operations", "settled")),
]
_BOTH = pytest.mark.parametrize(("aggregate", "example"), _EXAMPLES, ids=["executions", "operations"])
_NUMBERS = ["1.50", "-0.0", "1E2", "123456789012345678901234567890", "0.10e-7", "0", "-5", "1.0"]
_NAMES = [
    "sequence", "disputed", "first_recorded_at", "last_recorded_at", "_facts", "_json", "_x", "executions",
    "execution_ids", "weights_rounded", "extra", "über", "a/b", "", "null", "id2", "😀",
]  # fmt: skip
_OURS = {"sequence", "disputed", "first_recorded_at", "last_recorded_at"}
_ADDED = {"operations": {"executions", "execution_ids", "weights_rounded"}, "executions": set[str]()}
_values = st.recursive(
    st.sampled_from(_NUMBERS) | st.sampled_from(["null", "true", '"null"', '"1.50"', '""', '"[]"', '"é\\n"']),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda many: f"[{','.join(many)}]")
        | st.lists(st.tuples(st.sampled_from(_NAMES), inner), max_size=3, unique_by=lambda pair: pair[0]).map(
            lambda pairs: "{" + ",".join(f"{json.dumps(name)}:{text}" for name, text in pairs) + "}"
        )
    ),
    max_leaves=6,
)
_extras = st.dictionaries(st.sampled_from(_NAMES), _values, max_size=5)


def _with_extras(example: bytes, extras: dict[str, str], nested: dict[str, str]) -> bytes:
    top = b"".join(f",{json.dumps(name)}:{text}".encode() for name, text in extras.items())
    deep = b"".join(f"{json.dumps('x' + name)}:{text},".encode() for name, text in nested.items())
    return example.replace(b'"underlying_currency"', deep + b'"underlying_currency"', 1)[:-1] + top + b"}"


@_BOTH
@given(extras=_extras, nested=_extras)
def test_extra_fields_are_kept_to_the_last_digit(
    aggregate: Aggregate[Any], example: bytes, extras: dict[str, str], nested: dict[str, str]
) -> None:
    """In the log as they came; in state and Redis but for names that are ours, at whatever depth."""
    value = _with_extras(example, extras, nested)
    outcome = fold_input(aggregate, records_of([value]))
    assert value in (outcome.log[0].value or b"")
    ((subject, fields),) = outcome.store.entities.items()
    document = (outcome.last_states()[subject.encode()] or b"").decode()
    read = json.loads(document)
    plain = orjson.loads(fold_input(aggregate, records_of([example])).last_states()[subject.encode()] or b"")
    ours = _OURS | _ADDED[aggregate.service]
    for name, text in extras.items():
        if name in ours or name.startswith("_"):
            assert read.get(name) == plain.get(name), "a name of ours is not the sender's to fill"
            continue
        compact = _compact(text)
        assert fields[name] == (json.loads(text) if text.startswith('"') else compact)
        assert f"{orjson.dumps(name).decode()}:{compact}" in document
    body = "allocations" if aggregate is OPERATIONS else "instructions"
    for name, text in nested.items():
        member = f"{orjson.dumps('x' + name).decode()}:{_compact(text)}"
        assert member in fields[body]
        assert member in document
    assert set(read) == {name for name in fields if not name.startswith("_")}


def _compact(text: str) -> str:
    """JSON text as orjson writes it, its numbers' literals kept."""
    exact = json.loads(text, parse_int=orjson.Fragment, parse_float=orjson.Fragment)
    return orjson.dumps(exact).decode()


@_BOTH
@given(extras=_extras, nested=_extras, seed=st.integers(0, 2**32))
def test_what_redis_holds_is_all_that_a_fold_needs_to_go_on(
    aggregate: Aggregate[Any], example: bytes, extras: dict[str, str], nested: dict[str, str], seed: int
) -> None:
    """Forgetting an entity and loading it again changes no byte of what comes later: states, events, Redis."""
    end = orjson.loads(example)
    early = {**end, "status": "pricing" if aggregate is OPERATIONS else "awaiting_execution"}
    values = [
        _with_extras(orjson.dumps(early), extras, nested),
        _with_extras(orjson.dumps(early), nested, {}),
        orjson.dumps({**end, "status": "dreaming"}),
        _with_extras(example, nested, extras),
        orjson.dumps({**end, "updated_at": "2026-05-29T18:56:59Z"}),
    ]
    rng = Random(seed)
    rng.shuffle(values)
    whole = [fold_input(aggregate, records_of(values[: n + 1])) for n in range(len(values))][-1]
    cut = fold_input(aggregate, records_of(values), cut=rng)
    assert cut.store == whole.store
    assert cut.last_states() == whole.last_states()
    assert [one.value for one in cut.events] == [one.value for one in whole.events]


@_BOTH
@given(extras=_extras, nested=_extras)
def test_the_state_is_what_its_own_rendering_says(
    aggregate: Aggregate[Any], example: bytes, extras: dict[str, str], nested: dict[str, str]
) -> None:
    """``restore`` undoes ``render``."""
    value = _with_extras(example, extras, nested)
    document = orjson.loads(value)
    fact = aggregate.observe(document, value)
    state = aggregate.initial(document["id"])
    state = aggregate.evolve(state, fact, aggregate.fold(state, fact))
    view = aggregate.render(state)
    assert aggregate.restore(document["id"], view.fields) == state
    assert aggregate.render(aggregate.restore(document["id"], view.fields)) == view


_GARBAGE = (
    None,
    "",
    "null",
    "5",
    "-1",
    "x",
    '"',
    "[]",
    "{}",
    "[1]",
    "[null]",
    "[[]]",
    "[{}]",
    '{"a":1}',
    "zz",
)


@pytest.mark.parametrize("service", golden.MESSAGES)
@pytest.mark.parametrize("garbage", _GARBAGE)
def test_a_damaged_projection_is_refused_and_nothing_else_happens(service: str, garbage: str | None) -> None:
    """A field that somebody removed or overwrote ends in KeyError or ValueError, which recovery knows to mend."""
    fold = PartitionFold(golden.AGGREGATES[service], Origin(service, f"{service}.in", 0))
    refused = 0
    for subject, fields in golden.outcomes()[service].store.entities.items():
        for name in fields:
            damaged = {other: text for other, text in fields.items() if other != name}
            try:
                fold.recall(subject, damaged if garbage is None else damaged | {name: garbage})
            except (KeyError, ValueError):
                refused += 1
    assert refused > 0
