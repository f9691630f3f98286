"""What the Redis data source (redis-datasource 2.2.0) makes of a panel's query: the command that it sends, and the
table that the answer becomes. Pure; written from how the plugin behaves, for there is no Grafana here to ask."""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Cell: TypeAlias = float | str
Frame: TypeAlias = dict[str, list[Cell]]
"""Columns in their order; all cells of a column are numbers, or all are texts."""

_VARIABLE = re.compile(r"\$\{(\w+)\}|\$(\w+)")


def filled_in(text: str, values: Mapping[str, str]) -> str:
    """A text with the dashboard's variables in place of their names; KeyError for one that there is not."""
    return _VARIABLE.sub(lambda found: values[found[1] or found[2]], text)


def command(query: Mapping[str, Any], since_ms: int, until_ms: int, values: Mapping[str, str]) -> list[str]:
    """The Redis command of a query for a range of time, both ends of which are in it."""
    key = filled_in(query["keyName"], values)
    bound = ["COUNT", str(query["count"])] if query.get("count", 0) > 0 else []
    match query["type"], query["command"]:
        case "command", "hgetall":
            return ["HGETALL", key]
        case "command", "xrange":
            return ["XRANGE", key, f"{since_ms}-0", f"{until_ms}-0", *bound]
        case "command", "xrevrange":
            return ["XREVRANGE", key, f"{until_ms}-0", f"{since_ms}-0", *bound]
    raise ValueError(f"no such query is on our dashboards: {query}")


def choices(query: str) -> list[str]:
    """The Redis command of a variable, whose query is the command line itself."""
    return shlex.split(query)


def frame(query: Mapping[str, Any], answer: Any) -> Frame:
    """The table of an answer, as a Redis client gives it with texts decoded and no further reading."""
    if query["command"] == "hgetall":
        return {name: [_cell(value)] for name, value in zip(answer[::2], answer[1::2], strict=True)}
    table: Frame = {"$streamId": [], "$time": []}
    for row, (entry_id, pairs) in enumerate(answer):
        table["$streamId"].append(entry_id)
        table["$time"].append(float(entry_id.partition("-")[0]))
        fields = dict(zip(pairs[::2], pairs[1::2], strict=True))
        for name, value in fields.items():
            if name not in table:
                table[name] = [_missing(_cell(value))] * row
            column = table[name]
            column.append(_like(column, value))
        for column in table.values():
            if len(column) == row:
                column.append(_missing(column[0]))
    return table


def shown(panel: Mapping[str, Any], table: Frame) -> Frame:
    """What of a table the panel's transformations leave."""
    for step in panel.get("transformations", []):
        options = step["options"]
        if step["id"] == "filterFieldsByName":
            table = {name: column for name, column in table.items() if name in options["include"]["names"]}
        elif step["id"] == "filterByValue":
            assert (options["type"], options["match"]) == ("include", "any")
            table = _kept(table, options["filters"])
        else:
            raise ValueError(f"no such transformation is on our dashboards: {step}")
    return table


def _kept(table: Frame, filters: Sequence[Mapping[str, Any]]) -> Frame:
    wanted = [(one["fieldName"], one["config"]["options"]["value"]) for one in filters]
    rows = range(len(next(iter(table.values()), [])))
    kept = [row for row in rows if any(table[name][row] == value for name, value in wanted)]
    return {name: [column[row] for row in kept] for name, column in table.items()}


def _cell(text: str) -> Cell:
    """A number where the text is one."""
    try:
        return float(text)
    except ValueError:
        return text


def _missing(like: Cell) -> Cell:
    """What stands where an entry hasn't the field: zero, or nothing."""
    return "" if isinstance(like, str) else 0.0


def _like(column: Sequence[Cell], text: str) -> Cell:
    """The first cell of a column says what all of them are: among numbers a text is 0."""
    cell = _cell(text)
    if column and isinstance(column[0], str):
        return text
    return 0.0 if column and isinstance(cell, str) else cell
