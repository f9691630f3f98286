"""What lets down those who rely on a released schema is found, whichever way the message goes."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from libs.ledger.compatibility import losses
from libs.ledger.schemas import documents
from services.cli.app import build

Json = dict[str, Any]


def _schema(**changed: Any) -> Json:
    schema: Json = {
        "type": "object",
        "required": ["id", "amount"],
        "additionalProperties": True,
        "properties": {
            "id": {"type": "string"},
            "amount": {"type": "string", "pattern": "^[0-9]+$"},
            "note": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "side": {"enum": ["buy", "sell"]},
            "count": {"type": "integer", "minimum": 0},
            "legs": {"type": "array", "items": {"$ref": "#/$defs/Leg"}},
        },
        "$defs": {"Leg": {"type": "object", "properties": {"symbol": {"type": "string"}}, "required": []}},
    }
    return {**schema, **changed}


def _with(name: str, field: Json | None) -> Json:
    schema = _schema()
    properties = {one: what for one, what in schema["properties"].items() if one != name}
    return {**schema, "properties": properties if field is None else {**properties, name: field}}


def _leg(symbol: Json | None, required: list[str]) -> Json:
    properties = {} if symbol is None else {"symbol": symbol}
    return _schema(**{"$defs": {"Leg": {"type": "object", "properties": properties, "required": required}}})


def _lost(way: str, new: Json) -> list[str]:
    """What is found, each without whose schema it is and what follows from that."""
    path, whose = f"{way}/x.json", "new" if way == "in" else "released"
    found = (line.removeprefix(f"{path}: ") for line in losses({path: _schema()}, {path: new}))
    return [line.replace(f" the {whose} schema", "").partition(", and")[0] for line in found]


@pytest.mark.parametrize("way", ["in", "out"])
def test_nothing_is_lost_where_nothing_changed(way: str) -> None:
    assert _lost(way, _schema()) == []


@pytest.mark.parametrize("way", ["in", "out"])
@pytest.mark.parametrize(
    ("new", "said"),
    [
        (_with("note", None), "/note: is no longer named"),
        (_with("side", None), "/side: is no longer named"),
        (_leg(None, []), "/legs/*/symbol: is no longer named"),
        (_with("id", {"type": "integer"}), None),
        (_with("amount", {"type": "string", "pattern": "^[0-9]{1,3}$"}), "/amount: has another pattern"),
    ],
)
def test_a_field_that_is_gone_or_another_is_a_loss_either_way(way: str, new: Json, said: str | None) -> None:
    found = _lost(way, new)
    assert found
    assert said is None or said in found


NARROWED = [
    (_schema(required=["id", "amount", "count"]), "/count: needs it"),
    (_with("note", {"type": "string"}), "/note: takes no null"),
    (_with("side", {"enum": ["buy"]}), "/side: takes only ['buy']"),
    (_with("count", {"type": "integer", "minimum": 1}), "/count: has minimum 1"),
    (_with("count", {"type": "integer", "minimum": 0, "maximum": 9}), "/count: has maximum 9"),
    (_with("id", {"type": "string", "maxLength": 36}), "/id: has maxLength 36"),
    (_with("id", {"const": "x"}), "/id: takes only ['x']"),
    (_schema(additionalProperties=False), "/: takes no extra fields"),
    (_leg({"type": "string"}, ["symbol"]), "/legs/*/symbol: needs it"),
    (_leg({"type": "string", "minLength": 1}, []), "/legs/*/symbol: has minLength 1"),
]


@pytest.mark.parametrize(("new", "said"), NARROWED)
def test_a_message_that_others_send_must_not_become_narrower(new: Json, said: str) -> None:
    assert _lost("in", new) == [said]


@pytest.mark.parametrize("new", [new for new, _ in NARROWED])
def test_a_message_that_others_read_may_become_narrower(new: Json) -> None:
    assert _lost("out", new) == []


WIDENED = [
    (_schema(required=["id"]), "/amount: needs it"),
    (_with("id", {"type": ["string", "null"]}), "/id: takes no null"),
    (
        _with("side", {"enum": ["buy", "sell", "hold"]}),
        "/side: takes only ['buy', 'sell']",
    ),
    (_with("count", {"type": "number", "minimum": 0}), "/count: takes no number"),
    (_with("count", {"type": "integer"}), "/count: has minimum 0"),
]


@pytest.mark.parametrize(("new", "said"), WIDENED)
def test_a_message_that_others_read_must_not_become_wider(new: Json, said: str) -> None:
    """Said from the readers' side, who have the released schema."""
    assert _lost("out", new) == [said]


@pytest.mark.parametrize("new", [new for new, _ in WIDENED])
def test_a_message_that_others_send_may_become_wider(new: Json) -> None:
    assert _lost("in", new) == []


@pytest.mark.parametrize("way", ["in", "out"])
def test_a_field_that_comes_along_is_no_loss_nor_is_a_new_message(way: str) -> None:
    more = {**_schema()["properties"], "more": {"type": "string"}}
    assert _lost(way, _schema(properties=more)) == []
    path = f"{way}/x.json"
    assert losses({path: _schema()}, {path: _schema(), f"{way}/y.json": _schema()}) == []


def test_a_new_field_that_senders_have_to_have_is_a_loss() -> None:
    more = {**_schema()["properties"], "more": {"type": "string"}}
    found = _lost("in", _schema(properties=more, required=["id", "amount", "more"]))
    assert found == ["/more: needs it"]


def test_a_schema_that_is_gone_is_a_loss() -> None:
    assert losses({"out/x.json": _schema()}, {}) == ["out/x.json: was removed"]


def _spoil(path: Path, change: Callable[[Json], None]) -> None:
    schema = json.loads(path.read_text())
    change(schema)
    path.write_text(json.dumps(schema))


def test_the_command_writes_what_it_then_finds_in_order_and_says_where_something_was_lost(
    tmp_path: Path,
) -> None:
    run = CliRunner()
    assert (
        run.invoke(build(), ["schemas", str(tmp_path)]).output
        == f"{len(documents())} schemas in {tmp_path}\n"
    )
    assert run.invoke(build(), ["schemas", "--check", str(tmp_path)]).exit_code == 0
    trade, ended = "in/agents.in/trade.json", "out/events/operation.completed.json"
    # as if the release had taken trades without a price, and told of completed operations when they began
    _spoil(tmp_path / trade, lambda schema: schema["required"].remove("price"))
    _spoil(tmp_path / ended, lambda schema: schema["properties"]["data"]["properties"].update(begun={}))
    found = run.invoke(build(), ["schemas", "--check", str(tmp_path)])
    assert found.exit_code == 1
    assert found.output.splitlines() == [
        f"{trade}: /price: the new schema needs it, and those who send it are refused",
        f"{ended}: /data/begun: is no longer named",
    ]
