"""The plain form: what matches is valid and its own canonical JSON, and what senders write does match."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, Final

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, StringConstraints, create_model

from libs.contracts.executions import ExecutionStatusChanged
from libs.contracts.fields import Text
from libs.contracts.operations import ExecutionOutcome, OperationStatusChanged
from libs.contracts.plain import plain_form
from libs.ledger.reading import MAX_BYTES
from tests.contracts import golden
from tests.libs.contracts.bodies import EXECUTION, OPERATION, OUTCOME, Json, compact, spelled

_MODELS: Final[list[tuple[type[BaseModel], Json]]] = [
    (ExecutionStatusChanged, EXECUTION),
    (OperationStatusChanged, OPERATION),
    (ExecutionOutcome, OUTCOME),
]
_EXECUTION: Final = plain_form(ExecutionStatusChanged)
_LONGEST: Final = (
    5.0  # seconds; milliseconds where the work grows with the length, hours where with its square
)


@pytest.mark.parametrize(("model", "document"), _MODELS)
def test_documented_fields_in_order_and_compact_are_plain(model: type[BaseModel], document: Json) -> None:
    """And the fields that hold lists are at hand as they came."""
    plain = plain_form(model).fullmatch(compact(document))
    assert plain is not None
    assert {name: orjson.loads(text) for name, text in plain.groupdict().items()} == {
        name: one for name, one in document.items() if type(one) is list
    }


@pytest.mark.parametrize(("model", "document"), _MODELS)
@pytest.mark.parametrize(
    "other",
    [
        lambda d: compact(d) + b"\n",
        lambda d: compact(d).replace(b":", b": "),
        lambda d: compact(dict(reversed(d.items()))),
        lambda d: compact({**d, "more": ""}),
        lambda d: compact({**d, "status_reason": None}),
        lambda d: compact({**d, "status": 'a"b'}),
        lambda d: compact({**d, "id": d["id"] + "\n"}),
        lambda d: compact(d).replace(b"status", b"st\\u0061tus"),
    ],
)
def test_anything_else_is_not_plain(
    model: type[BaseModel], document: Json, other: Callable[[Json], bytes]
) -> None:
    """However valid it may be."""
    assert plain_form(model).fullmatch(other(document)) is None


@pytest.mark.parametrize("service", ["executions", "operations"])
@settings(max_examples=300)
@given(data=st.data())
def test_what_is_plain_is_valid_and_its_own_canonical_json(service: str, data: st.DataObject) -> None:
    """As far as it is JSON at all."""
    value = data.draw(spelled(service))
    for model, _ in _MODELS:
        if plain_form(model).fullmatch(value) is None:
            continue
        try:
            document = orjson.loads(value)
        except orjson.JSONDecodeError:
            continue
        model.model_validate(document)
        assert list(document) == list(model.model_fields)
        assert orjson.dumps(document) == value


@pytest.mark.parametrize("service", ["executions", "operations"])
def test_the_sources_examples_are_in_the_order_of_the_models(service: str) -> None:
    """Were they not, every message would need the full validation."""
    for message in golden.messages(service):
        value = orjson.dumps(orjson.loads(message))
        assert any(plain_form(model).fullmatch(value) for model, _ in _MODELS), message


@pytest.mark.parametrize("part", ["instructions", "trade_ids", "text", "digits", "objects"])
def test_a_hostile_body_of_the_largest_size_takes_no_time(part: str) -> None:
    """Almost plain up to its end, in whatever can be long."""
    order, fill = EXECUTION["instructions"]
    long: dict[str, Json] = {
        "instructions": {"instructions": [order, fill] * (MAX_BYTES // 500)},
        "trade_ids": {"instructions": [{**fill, "trade_ids": [""] * (MAX_BYTES // 3)}]},
        "text": {"participant_code": "x" * MAX_BYTES},
        "digits": {"instructions": [{**order, "amount": "1" * MAX_BYTES}]},
        "objects": {"instructions": [{}] * (MAX_BYTES // 3)},
    }
    value = compact({**EXECUTION, **long[part]})
    for hostile in (value[:-1], value + b"}", value.replace(b'],"created_at"', b',"created_at"')):
        began = time.monotonic()
        assert _EXECUTION.fullmatch(hostile) is None
        assert time.monotonic() - began < _LONGEST


@pytest.mark.parametrize(
    ("hint", "default"),
    [
        (int, ...),
        (Annotated[int, Field(ge=0)], ...),
        (Annotated[str, StringConstraints(strict=True, max_length=64)], ...),
        (Annotated[str, StringConstraints(strict=True, to_upper=True)], ...),
        (Annotated[str, StringConstraints(pattern="^a$")], ...),
        (Annotated[str, StringConstraints(strict=True), Field(min_length=1)], ...),
        (Text, Field(max_length=64)),
        (Text, Field(alias="b")),
        (list[Text], Field(min_length=1)),
        (Text | None, None),
        (Text, ""),
    ],
)
def test_what_no_pattern_tells_has_no_plain_form(hint: Any, default: Any) -> None:
    """A rule that a plain body could pass by would make white space decide about it."""
    with pytest.raises(TypeError, match="no plain form"):
        plain_form(create_model("Made", a=(hint, default)))
