"""What no worker wrote to Redis is shown, if it can be, or said to be damaged in one line; never a traceback."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random

import orjson
import pytest
from structlog.testing import capture_logs

from services.api.backend import document
from services.api.refusals import Refusal
from services.cli.document import printed, state_document
from services.cli.failures import WRONG, Failure
from services.cli.folds import aggregate
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.agents import given as agents
from tests.services.executions import given as executions
from tests.services.operations import given as operations
from tests.services.strategies import given as strategies
from tests.services.versions import given as versions

VALUES: dict[str, Callable[[Random], list[bytes]]] = {
    "operations": lambda _: [orjson.dumps(operations.status("settled", "", 50) | {"more": 1})],
    "executions": lambda _: [orjson.dumps(executions.status("settled", 50) | {"more": 1})],
    "agents": lambda rng: [orjson.dumps(one) for one in agents.day(rng)],
    "strategies": lambda rng: [orjson.dumps(one) for one in strategies.history(rng)],
    "versions": versions.history,
}
DEEP = "[" * 1_001 + "]" * 1_001
OTHER_SHAPES = ("5", "-1", "", "x", '"x"', "null", "true", "NaN", "{", "{}", '{"a":1}', "[]", "[1]", "[[]]")


def _said(failure: pytest.ExceptionInfo[Failure]) -> str:
    assert failure.value.status == WRONG
    assert "\n" not in str(failure.value)
    return str(failure.value)


@pytest.mark.parametrize("service", list(VALUES))
@pytest.mark.parametrize("text", [*OTHER_SHAPES, '[{"a":1}]', "[null]", DEEP, None])
def test_a_projection_of_another_shape_is_shown_or_said_to_be_damaged(service: str, text: str | None) -> None:
    """Whichever of its fields is of another shape, or missing; the API refuses to show such a one, too."""
    built, key = aggregate(service), None if service == "versions" else b"acme"
    kept = fold_input(built, records_of(VALUES[service](Random(7)), key)).store.entities
    entity_id, whole = next((name, fields) for name, fields in kept.items() if built.part(name) is built)
    orjson.loads(state_document(built, entity_id, whole))
    for name in whole:
        other = {one: value for one, value in whole.items() if one != name}
        fields = other if text is None else other | {name: text}
        with suppress(Failure):
            shown = state_document(built, entity_id, fields)
            orjson.loads(shown)
            printed("entity", shown)
        with suppress(Refusal), capture_logs():
            document(service, entity_id, fields)


def test_a_number_where_a_list_belongs_is_told_in_a_line() -> None:
    """With what mends it."""
    execution = aggregate("executions")
    kept = fold_input(execution, records_of(VALUES["executions"](Random(7)))).store.entities
    ((entity_id, fields),) = kept.items()
    with pytest.raises(Failure, match="stratafold rebuild executions") as failure:
        state_document(execution, entity_id, {**fields, "instructions": "5"})
    assert "TypeError" in _said(failure)
