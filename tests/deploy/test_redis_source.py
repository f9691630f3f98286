"""What is known of the data source, on which the checks of the dashboards rest."""

from __future__ import annotations

import pytest

from tests.deploy.redis_source import choices, command, filled_in, frame, shown

SERIES = {"type": "command", "command": "xrange", "keyName": "m:${grain}:$service"}
FEED = {"type": "command", "command": "xrevrange", "keyName": "m:feed", "count": 10}
HASH = {"type": "command", "command": "hgetall", "keyName": "m:agent:${agent}"}


def test_a_query_becomes_the_command_that_the_plugin_sends() -> None:
    """A range of ids in ms; backwards the later end comes first; a count only where there is one."""
    values = {"grain": "ts", "service": "agents", "agent": "a 1"}
    assert command(SERIES, 5, 9, values) == ["XRANGE", "m:ts:agents", "5-0", "9-0"]
    assert command(FEED, 5, 9, values) == ["XREVRANGE", "m:feed", "9-0", "5-0", "COUNT", "10"]
    assert command(HASH, 5, 9, values) == ["HGETALL", "m:agent:a 1"]
    assert choices("SMEMBERS m:agents") == ["SMEMBERS", "m:agents"]
    with pytest.raises(ValueError, match="keys"):
        command({**HASH, "command": "keys"}, 5, 9, values)


def test_a_variable_that_the_dashboard_lacks_is_an_error() -> None:
    with pytest.raises(KeyError, match="agents"):
        filled_in("m:$agents", {"agent": "a"})


def test_a_hash_is_one_row_of_numbers_and_texts() -> None:
    assert frame(HASH, ["equity", "1.50", "phase", "LIVE", "error", ""]) == {
        "equity": [1.5],
        "phase": ["LIVE"],
        "error": [""],
    }


def test_the_first_entry_says_what_a_column_is_and_what_is_missing_is_nought() -> None:
    """So every entry needs every field, and only numbers where numbers are."""
    table = frame(SERIES, [["5-0", ["a", "1", "c", "x"]], ["6-1", ["a", "y", "b", "2"]]])
    assert table == {
        "$streamId": ["5-0", "6-1"],
        "$time": [5.0, 6.0],
        "a": [1.0, 0.0],
        "c": ["x", ""],
        "b": [0.0, 2.0],
    }


def test_a_panel_shows_the_columns_and_rows_that_its_transformations_leave() -> None:
    by_name = {"id": "filterFieldsByName", "options": {"include": {"names": ["$time", "service"]}}}
    equal = {"fieldName": "service", "config": {"id": "equal", "options": {"value": "agents"}}}
    by_value = {"id": "filterByValue", "options": {"type": "include", "match": "any", "filters": [equal]}}
    table = frame(FEED, [["6-0", ["service", "agents", "type", "t"]], ["5-0", ["service", "x", "type", "t"]]])
    assert shown({"transformations": [by_name, by_value]}, table) == {"$time": [6.0], "service": ["agents"]}
