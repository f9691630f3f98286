"""Commands in any order, repeated, cut into any batches, forgotten in between, folded again from the log."""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from random import Random
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from libs.contracts.versions import DATA
from libs.ledger.envelope import parse_log_record
from libs.ledger.reading import read
from libs.views.changes import steps
from services.api.past import Moment, document_at
from services.versions import AGGREGATE
from tests.libs.ledger.folding import Outcome, refold_log, verdicts
from tests.services.versions.given import OTHER, STRATEGY, folded_values, history

_rounds = st.integers(0, 2**64).map(Random)
_BUSY = ("PENDING", "CREATING_ORDERS", "IN_PROGRESS")


def _events(outcome: Outcome) -> list[dict[str, Any]]:
    return [orjson.loads(record.value or b"") for record in outcome.events]


@settings(max_examples=200)
@given(_rounds)
def test_batches_and_forgetting_change_nothing(rng: Random) -> None:
    """Log, events, last states and Redis are those of one fold of everything."""
    values = history(rng)
    whole, cut = folded_values(values), folded_values(values, cut=rng)
    assert (cut.log, cut.events, cut.dead) == (whole.log, whole.events, whole.dead)
    assert cut.store == whole.store
    documents = {key: value for key, value in whole.last_states().items() if value is not None}
    assert {key: value for key, value in cut.last_states().items() if value is not None} == documents


@settings(max_examples=200)
@given(_rounds)
def test_a_replay_of_the_log_gives_the_same_orders(rng: Random) -> None:
    """Ids, amounts and times among them, byte for byte."""
    whole = folded_values(history(rng))
    again = refold_log(AGGREGATE, [record.value or b"" for record in whole.log], cut=rng)
    assert (again.events, again.store) == (whole.events, whole.store)


@settings(max_examples=200)
@given(_rounds)
def test_a_repeated_command_changes_nothing(rng: Random) -> None:
    """Right after it, or after all that followed: what was accepted is known, and nothing is told twice."""
    values = list(dict.fromkeys(history(rng)))
    values = values[: rng.randrange(1, len(values) + 1)]
    once = folded_values(values)
    accepted = [
        value for value, verdict in zip(values, verdicts(once), strict=True) if verdict != "quarantined"
    ]
    again = folded_values([*values, *accepted])
    assert set(verdicts(again)[len(values) :]) <= {"duplicate"}
    assert (again.events, again.store.entities) == (once.events, once.store.entities)


@settings(max_examples=200)
@given(_rounds)
def test_never_two_versions_of_a_strategy_in_flight(rng: Random) -> None:
    """By the events in their order; at the end also by what the strategy itself says."""
    outcome = folded_values(history(rng))
    statuses: dict[str, dict[str, str]] = defaultdict(dict)
    for event in _events(outcome):
        if event["type"] == "stratafold.version.status_changed.v1":
            data = event["data"]
            own = statuses[data["strategy_id"]]
            assert own.get(data["version_id"]) == data["from"], "each step begins where the last one ended"
            own[data["version_id"]] = data["to"]
            assert sum(status in _BUSY for status in own.values()) <= 1
        elif event["type"] == "stratafold.version.deleted.v1":
            statuses[event["data"]["strategy_id"]].pop(event["data"]["version_id"], None)
    for strategy_id in (STRATEGY, OTHER):
        busy = [one for one, status in statuses[strategy_id].items() if status in _BUSY]
        fields = outcome.store.entities.get(f"strategy:{strategy_id}")
        if fields is not None:
            assert fields["in_flight"] == (busy[0] if busy else "null")


@settings(max_examples=300)
@given(_rounds)
def test_money_is_conserved(rng: Random) -> None:
    """What orders buy and sell is what cash gives; no order is of more than its value pays for, none leaves a step."""
    outcome = folded_values(history(rng))
    commands = {}
    for record in outcome.log:
        logged = parse_log_record(record.value or b"")
        if logged.verdict == "applied":
            body = read(logged.data)
            if "prices" in body.get("data", {}):
                commands[logged.attributes["subject"]] = body["data"]
    for key, value in outcome.last_states().items():
        document = orjson.loads(value or b"{}")
        if not document.get("executed_at"):
            continue
        command = commands[(key or b"").decode()]
        worth = Decimal(command["portfolio_value"])
        signed = Decimal(0)
        for order in document["orders"]:
            amount, quantity = Decimal(order["order_value"]), Decimal(order["order_quantity"])
            signed += amount if order["side"] == "BUY" else -amount
            terms = command["instruments"].get(order["symbol"], {})
            price, step = Decimal(command["prices"][order["symbol"]]), Decimal(terms.get("step", "1"))
            assert quantity * price <= amount < (quantity + step) * price
            assert quantity % step == 0
            assert quantity.as_tuple().exponent == step.as_tuple().exponent
        cash = Decimal(document["old_cash_weight"]) - Decimal(document["cash_weight"])
        assert signed * 100 == cash * worth
        total = Decimal(document["cash_weight"]) + sum(
            Decimal(one["weight"]) for one in document["positions"]
        )
        assert total == 100


@settings(max_examples=150)
@given(_rounds)
def test_a_version_s_history_alone_tells_what_it_was(rng: Random) -> None:
    """Without its strategy: after each record what the fold had then, for any moment that somebody asks for."""
    values = history(rng, 25)
    outcome = folded_values(values)
    for version_id, records in outcome.store.histories.items():
        if version_id.startswith("strategy:"):
            continue
        shown: dict[str, Any] = orjson.loads(AGGREGATE.render(AGGREGATE.initial(version_id)).json)
        for number, step in enumerate(steps(AGGREGATE, version_id, records), 1):
            assert step.changed is not None
            shown |= {name: orjson.loads(after) for name, (_, after) in step.changed.items()}
            prefix = folded_values(values[: step.logged.offset + 1])
            then = prefix.last_states()[version_id.encode()]
            assert document_at(AGGREGATE, version_id, records, Moment(sequence=number)) == then
            document = orjson.loads(then or b"")
            assert shown == {name: document[name] for name in shown}


def test_random_histories_have_something_of_everything() -> None:
    """Else the tests above would show little."""
    seen: dict[str, set[str]] = defaultdict(set)
    for seed in range(300):
        for record in folded_values(history(Random(seed))).log:
            logged = parse_log_record(record.value or b"")
            if logged.verdict != "quarantined":
                seen[logged.verdict].add(read(logged.data)["event"])
    assert seen["applied"] == set(DATA)
    assert {"version.due", "order.updated", "version.cancel_requested"} <= seen["late"]
    assert "order.updated" in seen["conflict"]
    assert seen["ignored"] >= set(DATA) - {"strategy.registered"}
    assert len(seen["duplicate"]) > 4
