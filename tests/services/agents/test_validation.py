"""What is quarantined among agents' messages: each with a reason whose pointer names the field at fault."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from libs.contracts.agents import NUMBERS
from libs.ledger.envelope import parse_log_record
from services.agents import AGGREGATE
from tests.contracts.golden import MESSAGES
from tests.libs.ledger.folding import fold_input, records_of, verdicts
from tests.services.agents.given import ID, Body, said

_EXAMPLES = {name: said(name, 1) for name in MESSAGES["agents"]}
_FIELDS = [(name, field) for name, body in _EXAMPLES.items() for field in body if field != "event"]
_NULLABLE = {("trade", "realised_pnl"), ("trade", "journal_ref"), ("demotion", "locked_until")}
_NULLABLE |= {("risk_veto", "order_ref"), ("twak_block", "order_ref")}


def _refused(value: bytes, key: bytes | None = ID.encode()) -> tuple[str, str]:
    outcome = fold_input(AGGREGATE, records_of([value], key))
    logged = parse_log_record(outcome.log[0].value or b"")
    assert logged.verdict == "quarantined", logged.data
    why = orjson.loads(logged.data)
    headers = dict(outcome.dead[0].headers)
    assert {name: (headers[name] or b"").decode() for name in ("error", "detail", "pointer")} == why
    assert why["detail"]
    return why["error"], why["pointer"]


def _body(body: Body) -> bytes:
    return orjson.dumps(body)


@pytest.mark.parametrize(("event", "field"), _FIELDS)
def test_every_field_of_a_message_is_required_and_typed(event: str, field: str) -> None:
    """Missing, an object, a boolean; and null, but for those that may be."""
    body = _EXAMPLES[event]
    lacking = {name: value for name, value in body.items() if name != field}
    assert _refused(_body(lacking)) == ("missing_field", f"/{field}")
    for wrong in ({"a": 1}, True):
        assert _refused(_body(body | {field: wrong})) == ("wrong_type", f"/{field}")
    if (event, field) in _NULLABLE:
        outcome = fold_input(AGGREGATE, records_of([_body(body | {field: None})], ID.encode()))
        assert verdicts(outcome) == ["applied"]
    else:
        assert _refused(_body(body | {field: None})) == ("wrong_type", f"/{field}")
    if field not in NUMBERS.get(event, ()):
        assert _refused(_body(body | {field: 1})) == ("wrong_type", f"/{field}")


@pytest.mark.parametrize(
    ("event", "field"), [(event, field) for event in NUMBERS for field in NUMBERS[event]]
)
@pytest.mark.parametrize(
    "literal",
    ['"1e5"', '"NaN"', '""', '" 1"', '"1_000"', '"٣"', '"+1"', '"01"', '"1."', '".5"', "1e30", "1e-99", "1" * 19,
     f'"{"1" * 19}"', f'"0.{"1" * 41}"', '"Infinity"'],
)  # fmt: skip
def test_a_malformed_amount_is_named(event: str, field: str, literal: str) -> None:
    """A decimal string or a JSON number, of a size that sums can bear."""
    value = _body(_EXAMPLES[event] | {field: "AMOUNT"}).replace(b'"AMOUNT"', literal.encode())
    assert _refused(value) == ("malformed_amount", f"/{field}")


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"1e999", b"01", b"+1", b".5", b"1_000", b"0x10"])
def test_what_json_has_no_number_for_is_not_json(literal: bytes) -> None:
    """The record as a whole."""
    value = _body(_EXAMPLES["snapshot"] | {"equity": "AMOUNT"}).replace(b'"AMOUNT"', literal)
    outcome = fold_input(AGGREGATE, records_of([value], ID.encode()))
    why = orjson.loads(parse_log_record(outcome.log[0].value or b"").data)
    assert (why["error"], why["pointer"]) == ("not_json", "")


@pytest.mark.parametrize(
    ("change", "error", "pointer"),
    [
        ({"ts": "yesterday"}, "malformed_time", "/ts"),
        ({"ts": "2026-02-30T00:00:00Z"}, "malformed_time", "/ts"),
        ({"ts": 1780081200}, "wrong_type", "/ts"),
        ({"locked_until": "2026-02-30T00:00:00Z"}, "malformed_time", "/locked_until"),
        ({"locked_until": "tomorrow"}, "malformed_time", "/locked_until"),
        ({"event": 7}, "wrong_type", "/event"),
        ({"event": None}, "wrong_type", "/event"),
        (said("journal_entry", 1, tags="no"), "wrong_type", "/tags"),
        (said("journal_entry", 1, tags=["a", 1]), "wrong_type", "/tags/1"),
    ],
)  # fmt: skip
def test_a_malformed_field_is_named(change: dict[str, Any], error: str, pointer: str) -> None:
    """With the code of its kind."""
    assert _refused(_body(_EXAMPLES["demotion"] | change)) == (error, pointer)


def test_an_unknown_event_needs_a_name_and_a_time() -> None:
    """Nothing else of it is judged."""
    assert _refused(b'{"event":"new"}') == ("missing_field", "/ts")
    assert _refused(b'{"ts":"2026-05-29T18:00:00Z"}') == ("missing_field", "/event")
    assert _refused(b'{"event":"new","ts":5}') == ("wrong_type", "/ts")


@pytest.mark.parametrize(
    "key", [None, b"", b"\xff\xfe", b"a:log", b"a:equity", b"a:trades", b"a:journal", b"a:blocks"]
)
def test_without_a_key_that_can_be_an_id_there_is_no_agent(key: bytes | None) -> None:
    """The messages don't name it; a key must not end like one of another agent's own keys."""
    outcome = fold_input(AGGREGATE, records_of([_body(_EXAMPLES["snapshot"])], key))
    logged = orjson.loads(outcome.log[0].value or b"")
    assert (logged["verdict"], logged["subject"], logged["partitionkey"]) == ("quarantined", None, None)
    assert logged["data"]["error"] == ("malformed_key" if key else "missing_key")
    assert outcome.log[0].key == outcome.dead[0].key == key
    assert outcome.store.entities == {}
