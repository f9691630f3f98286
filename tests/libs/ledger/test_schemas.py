"""The schemas say what messages and events are: held against the golden ones, and against the code that makes them."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from libs.contracts.agents import CLOCK_EVENT
from libs.contracts.derived import EVENTS
from libs.contracts.states import STATES
from libs.ledger.schemas import LOG_RECORD, documents, event
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.contracts.golden import HERE, MESSAGES, message
from tests.libs.ledger.folding import fold_input, records_of
from tests.libs.ledger.histories import encoded, story, uuid, with_odd_extras
from tests.services.agents import given as agents
from tests.services.strategies import given as strategies
from tests.services.versions import given as versions

ROOT = Path(__file__).resolve().parents[3]
RELEASED = ROOT / "deploy" / "schemas"
NAME = re.compile(r'"((?:operation|execution|instruction|version|order|agent|strategy)\.[a-z_]+)"')
FOLDED = sorted((HERE / "folded").rglob("event-*.json"))


def _named(service: str, name: str) -> str:
    """Under which name a golden message's schema lies."""
    body = json.loads(message(service, name))
    one = body.get("event") if service in ("agents", "strategies", "versions") else None
    return one or f"trade_strategy.{service.removesuffix('s')}.status_changed"


@pytest.mark.parametrize(("service", "name"), [(s, one) for s, names in MESSAGES.items() for one in names])
def test_golden_messages_are_as_their_schemas_say(service: str, name: str) -> None:
    schema = documents()[f"in/{service}.in/{_named(service, name)}.json"]
    Draft202012Validator(schema).validate(json.loads(message(service, name)))


@pytest.mark.parametrize("file", FOLDED, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_golden_events_are_as_their_schemas_say(file: Path) -> None:
    for record in _records(json.loads(file.read_text()), "event"):
        _of_event(record["type"]).validate(record)


def test_golden_log_records_are_as_their_schema_says() -> None:
    seen = 0
    for file in sorted((HERE / "folded").rglob("log-*.json")):
        for record in _records(json.loads(file.read_text()), "log"):
            Draft202012Validator(LOG_RECORD).validate(record)
            seen += 1
    assert seen > 20


STATES_MADE = sorted((HERE / "folded").rglob("state-*.json"))


@pytest.mark.parametrize("file", STATES_MADE, ids=lambda file: f"{file.parent.name}-{file.stem}")
def test_golden_documents_are_as_their_schemas_say(file: Path) -> None:
    """And each of their fields is named, so that one that goes away is a loss; a tombstone has none."""
    text = file.read_text()
    if not text:
        return
    document, schema = json.loads(text), STATES[file.parent.name]
    Draft202012Validator(schema).validate(document)
    assert document.keys() == schema["properties"].keys()


@pytest.mark.parametrize("seed", range(20))
def test_documents_and_events_of_any_history_are_as_their_schemas_say(seed: int) -> None:
    """At every point of it, also of entities of which only a fact is known that changed nothing."""
    rng = Random(seed)
    told = story(rng, ended=False)
    unknown = [{**body, "status": "teleported", "id": uuid(rng)} for body in told.operation[:1]]
    odd = [with_odd_extras(rng, encoded(rng, body)) for body in told.operation]
    executions = fold_input(EXECUTIONS, records_of(encoded(rng, body) for body in told.bodies()))
    notices = [notice.record.value for notice in executions.notices]
    rng.shuffle(notices)
    operations = records_of([*notices, *odd, *(encoded(rng, body) for body in unknown)])
    outcomes = {
        "executions": executions,
        "operations": fold_input(OPERATIONS, operations, cut=rng),
        "agents": agents.folded_values([encoded(rng, body) for body in agents.day(rng)], rng),
        "strategies": strategies.folded_values([encoded(rng, body) for body in strategies.history(rng)], rng),
        "versions": versions.folded_values(versions.history(rng), rng),
    }
    for service, outcome in outcomes.items():
        for record in outcome.states:
            if record.value is not None:
                _of_state(service).validate(json.loads(record.value))
        for record in outcome.events:
            value = json.loads(record.value or b"")
            _of_event(value["type"]).validate(value)


@cache
def _of_state(service: str) -> Draft202012Validator:
    return Draft202012Validator(STATES[service])


@cache
def _of_event(kind: str) -> Draft202012Validator:
    return Draft202012Validator(event(kind.removeprefix("stratafold.").removesuffix(".v1")))


def _records(found: Any, what: str) -> list[dict[str, Any]]:
    assert isinstance(found, dict), what
    return [found if "specversion" in found else json.loads(found["value"])]


def test_every_event_that_a_fold_derives_has_a_schema_and_none_is_made_up() -> None:
    derived = set()
    for file in [*ROOT.glob("services/*/model.py"), ROOT / "services/strategies/account.py"]:
        text = file.read_text()
        derived |= set(NAME.findall(text))
    known = {one for one in EVENTS if one in derived}
    # those whose names are put together: an execution's and a version's end, and what an engine said
    together = {f"execution.{one}" for one in ("settled", "rejected", "skipped")} | {
        f"strategy.{one}"
        for one in ("position_opened", "position_closed", "order_placed", "order_cancelled", "error")
    }
    assert set(EVENTS) == known | together
    inputs = {path.rpartition("/")[2].removesuffix(".json") for path in documents() if path.startswith("in/")}
    assert derived - set(EVENTS) - inputs <= {CLOCK_EVENT, "execution.outcome"}


@pytest.mark.parametrize("path", sorted(documents()))
def test_every_schema_is_one(path: str) -> None:
    Draft202012Validator.check_schema(documents()[path])


def test_the_released_schemas_are_those_of_this_code() -> None:
    """New ones are released with the code that brings them: `stratafold schemas deploy/schemas`."""
    released = {
        file.relative_to(RELEASED).as_posix(): json.loads(file.read_text())
        for file in RELEASED.rglob("*.json")
    }
    assert released == json.loads(json.dumps(documents()))
