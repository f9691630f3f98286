"""What was written once is read for ever: the sources' examples, and all that was ever made of them."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import orjson
import pytest
from pydantic import BaseModel

from libs.contracts.agents import MESSAGES as OF_AGENTS
from libs.contracts.executions import ExecutionStatusChanged
from libs.contracts.operations import OperationStatusChanged
from libs.contracts.strategies import DATA, StrategyEvent
from libs.contracts.versions import DATA as COMMANDS
from libs.contracts.versions import Command
from libs.ledger.envelope import parse_log_record
from libs.ledger.invalid import Invalid
from tests.contracts import golden
from tests.libs.ledger.folding import fold_input, records_of, refold_log

_EXAMPLES = [(service, name) for service, names in golden.MESSAGES.items() for name in names]
_MODELS: dict[str, type[BaseModel]] = {
    "executions": ExecutionStatusChanged,
    "operations": OperationStatusChanged,
    "strategies": StrategyEvent,
    "versions": Command,
}
# Of the examples as the sources print them: nobody mends a message that is kept for ever.
_DIGESTS = {
    ("executions", "awaiting_execution"): "593ee0cf4ddc83a8",
    ("executions", "settled"): "501d18e3146bbb11",
    ("executions", "rejected"): "b8a52cadb3fc7196",
    ("operations", "pricing"): "4af3cb3f2ad1a0fe",
    ("operations", "settled"): "1926812b8b52a060",
    ("operations", "failed"): "d6c37512c19dc0bd",
    ("agents", "snapshot"): "dd4f5fdda3d6084c",
    ("agents", "trade"): "ea469a5942a23675",
    ("agents", "journal_entry"): "4aa20ee5bae2156c",
    ("agents", "risk_veto"): "8976ba5c2f5d6a59",
    ("agents", "status_change"): "58095509f2d25a0d",
    ("agents", "twak_block"): "54bf3f5211b99c8a",
    ("agents", "quote_rejected"): "8e3ab49a32cd8ec9",
    ("agents", "promotion"): "944e97a29d0492d7",
    ("agents", "demotion"): "995aa70ad292f26c",
    ("strategies", "position_opened"): "b0c9f0f8432a1b31",
    ("strategies", "position_closed"): "ec1ad45e9f34191e",
    ("strategies", "order_filled"): "06562882c3498862",
    ("strategies", "error"): "51ce2edc7915ce8a",
    ("versions", "registered"): "cf9ae2f819a6656b",
    ("versions", "drafted"): "bf39dff0a65b92e7",
    ("versions", "execute"): "fc93a6cf910b0352",
    ("versions", "order_filled"): "59ba6a95e014c4a4",
    ("versions", "delete"): "002b0caeb2fe9154",
}


@pytest.mark.parametrize(("service", "name"), _EXAMPLES)
def test_an_example_is_kept_byte_for_byte(service: str, name: str) -> None:
    """As the source prints it, white space and all."""
    assert sha256(golden.message(service, name)).hexdigest()[:16] == _DIGESTS[service, name]


@pytest.mark.parametrize(("service", "name"), _EXAMPLES)
def test_every_example_of_the_sources_is_valid(service: str, name: str) -> None:
    """To the model, and to the checks that a model can't express."""
    document = orjson.loads(golden.message(service, name))
    model = (OF_AGENTS[name] if service == "agents" else _MODELS[service]).model_validate(document)
    assert model.model_dump(exclude_unset=True, by_alias=True) == document
    data = DATA.get(name) if service == "strategies" else COMMANDS.get(document.get("event", ""))
    if data is not None:
        assert data.model_validate(document["data"]).model_dump(exclude_unset=True) == document["data"]
    golden.AGGREGATES[service].validate(document)


@pytest.mark.parametrize(("service", "name"), _EXAMPLES)
def test_every_documented_field_is_required(service: str, name: str) -> None:
    """Each example without one of its fields is refused, and the pointer names that field."""
    document = orjson.loads(golden.message(service, name))
    for field in document:
        with pytest.raises(Invalid) as refused:
            golden.AGGREGATES[service].validate({k: v for k, v in document.items() if k != field})
        assert (refused.value.error, refused.value.pointer) == ("missing_field", f"/{field}")


@pytest.mark.parametrize("service", golden.MESSAGES)
def test_the_examples_lead_to_what_they_always_led_to(service: str) -> None:
    """Log records, events, states, Redis and what is told to other services, byte for byte."""
    now = golden.pieces(golden.outcomes()[service])
    assert now == golden.kept(service), "to change this on purpose: python -m tests.contracts.golden"


@pytest.mark.parametrize("service", golden.MESSAGES)
def test_a_log_of_any_age_is_folded_to_the_same(service: str) -> None:
    """From the kept log records alone come the kept events, states and Redis hashes."""
    kept = golden.kept(service)
    log = [kept[f"log-{at}.json"] for at in range(sum(name.startswith("log-") for name in kept))]
    again = golden.pieces(refold_log(golden.AGGREGATES[service], log))
    assert again == {name: content for name, content in kept.items() if not name.startswith("log-")}


@pytest.mark.parametrize(("service", "name"), _EXAMPLES)
def test_the_log_carries_the_source_untouched(service: str, name: str) -> None:
    """The example's own bytes stand in its log record."""
    values = golden.messages(service)
    outcome = fold_input(golden.AGGREGATES[service], records_of(values, golden.KEYS.get(service)))
    logged = outcome.log[golden.MESSAGES[service].index(name)]
    assert parse_log_record(logged.value or b"").data == golden.message(service, name).strip()


def test_the_executions_example_by_hand() -> None:
    """003's settled example, field by field as the contract words it."""
    outcome = golden.outcomes()["executions"]
    execution_id, strategy_id = "97b215ed-6985-32c5-b856-77efc9614467", "9ba5e569-a966-42a9-a7ad-666b0a5300f3"
    source = orjson.loads(golden.message("executions", "settled"))
    state: dict[str, Any] = orjson.loads(outcome.last_states()[execution_id.encode()] or b"")
    assert state == source | {
        "sequence": 2,
        "disputed": False,
        "first_recorded_at": "2026-05-29T19:00:00.000Z",
        "last_recorded_at": "2026-05-29T19:00:01.000Z",
    }
    fields = outcome.store.entities[execution_id]
    assert {name: text for name, text in fields.items() if not name.startswith("_")} == {
        **{name: value for name, value in source.items() if isinstance(value, str)},
        "instructions": orjson.dumps(source["instructions"]).decode(),
        "sequence": "2",
        "disputed": "0",
        "first_recorded_at": "2026-05-29T19:00:00.000Z",
        "last_recorded_at": "2026-05-29T19:00:01.000Z",
    }
    assert outcome.store.indexes["status:settled"] == {execution_id: 1_780_081_201_000}
    assert outcome.store.indexes[f"strategy:{strategy_id}"] == {execution_id: 1_780_081_201_000}
    log = [record.value for record in outcome.log[:2]]
    assert outcome.store.histories[execution_id] == log


def test_the_operations_example_by_hand() -> None:
    """000's settled example with the execution of 003's, field by field as the contract words it."""
    outcome = golden.outcomes()["operations"]
    operation_id = "663a258c-5e7c-456f-9759-73e02db8b5d9"
    source = orjson.loads(golden.message("operations", "settled"))
    state: dict[str, Any] = orjson.loads(outcome.last_states()[operation_id.encode()] or b"")
    counts = {"total": 1, "awaiting_execution": 0, "settled": 1, "rejected": 0, "skipped": 0}
    assert state == source | {
        "weights_rounded": False,
        "executions": counts,
        "execution_ids": ["97b215ed-6985-32c5-b856-77efc9614467"],
        "sequence": 4,
        "disputed": False,
        "first_recorded_at": "2026-05-29T19:00:00.000Z",
        "last_recorded_at": "2026-05-29T19:00:04.000Z",
    }
    fields = outcome.store.entities[operation_id]
    assert {name: text for name, text in fields.items() if not name.startswith("_")} == {
        **{name: value for name, value in source.items() if isinstance(value, str)},
        "allocations": orjson.dumps(source["allocations"]).decode(),
        "weights_rounded": "0",
        "executions": orjson.dumps(counts).decode(),
        "execution_ids": '["97b215ed-6985-32c5-b856-77efc9614467"]',
        "sequence": "4",
        "disputed": "0",
        "first_recorded_at": "2026-05-29T19:00:00.000Z",
        "last_recorded_at": "2026-05-29T19:00:04.000Z",
    }
    assert outcome.store.histories[operation_id] == [outcome.log[at].value for at in (0, 1, 3, 4)]


def test_the_log_record_by_hand() -> None:
    """Every attribute of section 2 of the contract, in its order, ``data`` last."""
    record = orjson.loads(golden.outcomes()["executions"].log[1].value or b"")
    assert list(record)[-1] == "data"
    assert {name: record[name] for name in record if name not in ("id", "data")} == {
        "specversion": "1.0",
        "type": "stratafold.execution.observed.v1",
        "source": "/stratafold/executions",
        "subject": "97b215ed-6985-32c5-b856-77efc9614467",
        "time": "2026-05-29T18:56:46.000Z",
        "recordedtime": "2026-05-29T19:00:01.000Z",
        "sequence": 2,
        "partitionkey": "97b215ed-6985-32c5-b856-77efc9614467",
        "correlationid": "663a258c-5e7c-456f-9759-73e02db8b5d9",
        "causationid": None,
        "datacontenttype": "application/json",
        "inputtopic": "executions.in",
        "inputpartition": 0,
        "inputoffset": 1,
        "previousinputoffset": 0,
        "verdict": "applied",
    }


def test_the_strategies_example_by_hand() -> None:
    """004's four examples in its order, and what is known of their account; field by field as the contract words it."""
    outcome = golden.outcomes()["strategies"]
    state: dict[str, Any] = orjson.loads(outcome.last_states()[b"acme:strat_8f2a1b"] or b"")
    assert state == {
        "id": "acme:strat_8f2a1b",
        "account": "acme",
        "strategy_id": "strat_8f2a1b",
        "status": "error",
        "error": {
            "code": "EXCHANGE_AUTH_FAILED",
            "message": "Exchange API key rejected by Binance",
        },
        "positions": [],
        "orders": [],
        "realized_pnl": "9.83",
        "fees": {"USDT": "0.5039"},
        "completeness": "suspect",
        "gaps": [[12484, 12490], [12492, 12518], [12520, 12603]],
        "upstream_seq": 12604,
        "sequence": 4,
        "disputed": False,
        "first_recorded_at": "2026-05-29T19:00:00.000Z",
        "last_recorded_at": "2026-05-29T19:00:03.000Z",
    }
    account = outcome.store.entities["acme"]
    assert {name: account[name] for name in ("upstream_seq", "completeness", "resets", "whole", "seq")} == {
        "upstream_seq": "12604",
        "completeness": "suspect",
        "resets": "0",
        "whole": "1",
        "seq": "4",
    }
    assert b"acme" not in outcome.last_states(), "an account is no entity of the service"
    logged = [orjson.loads(record.value or b"") for record in outcome.log]
    assert [record["accountsequence"] for record in logged] == [1, 2, 3, 4]


def test_the_versions_example_by_hand() -> None:
    """001's answer to GET, field by field but for the ids; what it leaves out is left out of the comparison."""
    outcome = golden.outcomes()["versions"]
    execute = orjson.loads(golden.message("versions", "execute"))
    version_id = execute["data"]["version_id"]
    state: dict[str, Any] = orjson.loads(outcome.last_states()[version_id.encode()] or b"")
    order, sold, too_small = state.pop("orders")
    first, second, _ = state.pop("positions")
    assert order == {
        "id": orjson.loads(golden.message("versions", "order_filled"))["data"]["order_id"],
        "date": "2025-03-10",
        "side": "BUY",
        "symbol": "NVDA",
        "status": "FILLED",
        "status_reason": None,
        "order_quantity": "10",
        "order_value": "1500.00",
        "filled_quantity": "10",
        "filled_value": "1490.50",
        "filled_average_price": "149.05",
        "inserted_at": "2025-03-10T14:30:00.000000Z",
        "updated_at": "2025-03-10T14:35:00.000000Z",
    }
    assert [(one["symbol"], one["old_weight"], one["weight"], one["action"]) for one in (first, second)] == [
        ("NVDA", "0", "10.0", "ADD"),
        ("GOOG", "15.0", "12.5", "CHANGE"),
    ]
    assert (sold["side"], sold["order_value"], sold["order_quantity"]) == ("SELL", "375.00", "2.202")
    assert (too_small["status"], too_small["status_reason"]) == ("IGNORED", "below_minimum")
    assert state == {
        "id": version_id,
        "strategy_id": execute["strategy_id"],
        "organization_id": "org_1",
        "cash_weight": "5.0",
        "old_cash_weight": "10.0",
        "scheduled_for": None,
        "status": "IN_PROGRESS",
        "executed_at": "2025-03-10T14:30:00.000000Z",
        "inserted_at": "2025-03-10T14:30:00.000000Z",
        "refused": [],
        "sequence": 2,
        "disputed": False,
        "first_recorded_at": "2026-05-29T19:00:02.000Z",
        "last_recorded_at": "2026-05-29T19:00:03.000Z",
    }


def test_a_deleted_version_leaves_a_tombstone() -> None:
    """No document, no hash, no row in an index: only what the fold itself has to remember."""
    outcome = golden.outcomes()["versions"]
    version_id = orjson.loads(golden.message("versions", "delete"))["data"]["version_id"]
    assert outcome.last_states()[version_id.encode()] is None
    assert version_id in outcome.store.deleted
    held = {*outcome.store.entities, *outcome.store.histories}
    assert version_id not in held.union(*outcome.store.indexes.values())
    assert not any(subject == version_id for subject, _ in outcome.store.tables)
