"""``as_of`` at every sequence and time of random histories is what the fold of the inputs until then comes to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import orjson
import pytest

from libs.contracts.names import is_companion
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.times import milliseconds
from services.agents import AGGREGATE as AGENTS
from services.api.past import Moment, document_at
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from services.strategies import AGGREGATE as STRATEGIES
from services.versions import AGGREGATE as VERSIONS
from tests.libs.ledger.folding import fold_input, records_of
from tests.libs.ledger.histories import spoiled, story
from tests.services.agents.given import ID as AGENT
from tests.services.agents.given import day
from tests.services.strategies.given import ACCOUNT
from tests.services.strategies.given import history as account
from tests.services.versions.given import history as commands

HISTORIES = 1_000
LONG_ONES = 250  # an agent's day and an account's hours are long
Values = Sequence[bytes | None]


OF_THE_ACCOUNT = ("completeness", "gaps", "upstream_seq")  # a strategy's own history does not tell them


class OneByOne(Random):
    """Cuts every batch after one record, so that the state topic has what each prefix of the inputs comes to."""

    def randrange(self, *_: Any, **__: Any) -> int:
        return 1


def own(document: bytes | None) -> list[tuple[str, Any]] | None:
    """A document's members in their order, those of the account aside."""
    if document is None:
        return None
    return [one for one in orjson.loads(document).items() if one[0] not in OF_THE_ACCOUNT]


def executions(rng: Random) -> Values:
    bodies = [body for _ in range(2) for body in story(rng, ended=False).bodies()]
    return spoiled(rng, bodies)


def operations(rng: Random) -> Values:
    """With what executions tell of themselves among the operations' own."""
    stories = [story(rng, ended=False) for _ in range(2)]
    told = fold_input(
        EXECUTIONS, records_of(spoiled(rng, [one for each in stories for one in each.bodies()]))
    )
    values = spoiled(rng, [body for each in stories for body in each.operation])
    for notice in told.notices:
        values.insert(rng.randrange(len(values) + 1), notice.record.value)
    return values


def moved(rng: Random, bodies: Sequence[object]) -> Values:
    """A few of them doubled or out of place."""
    values: list[bytes | None] = [orjson.dumps(body) for body in bodies]
    for _ in range(rng.randrange(5)):
        at = rng.randrange(len(values))
        values.insert(rng.randrange(len(values) + 1), values[at] if rng.random() < 0.5 else values.pop(at))
    return values


@pytest.mark.parametrize(
    ("aggregate", "make", "key", "histories"),
    [
        (EXECUTIONS, executions, None, HISTORIES),
        (OPERATIONS, operations, None, HISTORIES),
        (AGENTS, lambda rng: moved(rng, day(rng)), AGENT, LONG_ONES),
        (STRATEGIES, lambda rng: moved(rng, account(rng)), ACCOUNT, LONG_ONES),
        (VERSIONS, commands, None, HISTORIES),
    ],
    ids=["executions", "operations", "agents", "strategies", "versions"],
)
def test_as_of_is_what_was_known_then(
    aggregate: Aggregate[Any], make: Callable[[Random], Values], key: str | None, histories: int
) -> None:
    compared = 0
    for seed in range(histories):
        records = records_of(make(Random(seed)), None if key is None else key.encode())
        outcome = fold_input(aggregate, records, cut=OneByOne())
        states: dict[str, dict[int, bytes]] = defaultdict(dict)
        for state in outcome.states:
            if state.value is None:  # of a deleted version
                continue
            document = orjson.loads(state.value)
            states[(state.key or b"").decode()][document["sequence"]] = state.value
        for entity_id, history in outcome.store.histories.items():
            if is_companion(aggregate.service, entity_id):
                continue
            known = states[entity_id]
            assert document_at(aggregate, entity_id, history, Moment(sequence=0)) is None
            for number, record in enumerate(history, 1):
                told = document_at(aggregate, entity_id, history, Moment(sequence=number))
                assert own(told) == own(known[number])
                then = milliseconds(parse_log_record(record).attributes["recordedtime"])
                for moment, sequence in ((then, number), (then + 999, number), (then - 1, number - 1)):
                    told = document_at(aggregate, entity_id, history, Moment(recorded=moment))
                    assert own(told) == own(known.get(sequence))
                compared += 1
    assert compared > histories
