"""Everything that goes through topics has an example, as the folds make it today, which its schema accepts."""

from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from libs.contracts.examples import FILE, examples
from libs.contracts.names import SERVICES
from libs.ledger.letters import OURS
from libs.ledger.schemas import documents
from tests.contracts.examples import made, written
from tests.contracts.stories import STORIES, folded
from tests.libs.ledger.folding import verdicts


def _of(path: str) -> list[Any]:
    """The examples of what lies at a path of the released schemas."""
    match path.removesuffix(".json").split("/"):
        case ["in", topic, message]:
            return [examples().inputs[topic][message]]
        case ["out", "events", name]:
            return [examples().events[name]]
        case ["out", "state", service]:
            return [examples().state[service]]
        case ["out", "log"]:
            return [examples().log[service] for service in SERVICES]
        case ["out", "dead.headers"]:
            return [examples().dead[service]["headers"] for service in SERVICES]
    raise AssertionError(f"{path} is of no kind that has examples")


@pytest.mark.parametrize("path", sorted(documents()))
def test_every_schema_has_an_example_that_it_accepts(path: str) -> None:
    found = _of(path)
    assert found
    for example in found:
        Draft202012Validator(documents()[path]).validate(example)


def test_the_examples_are_what_the_folds_make_today() -> None:
    assert written(made()) == FILE.read_text(encoding="utf-8"), (
        "write them: python -m tests.contracts.examples"
    )


@pytest.mark.parametrize("service", SERVICES)
def test_of_a_story_only_the_end_is_refused(service: str) -> None:
    """So that no example but the dead letter's is of something that was not taken."""
    assert [at for at, one in enumerate(verdicts(folded(service))) if one == "quarantined"] == [
        len(STORIES[service]) - 1
    ]
    assert tuple(examples().dead[service]["headers"]) == OURS
