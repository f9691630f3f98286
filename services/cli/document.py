"""An entity as `show` and `history` print it: the state document, and each record of its history."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, TypeVar

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import bookkeeping, bookkeeping_json, recall
from libs.ledger.intake import DAMAGED
from libs.telemetry.one_line import one_line
from libs.views.changes import Step
from libs.views.printable import printable
from services.cli.failures import Failure
from services.cli.text import apart

S = TypeVar("S")

STATUS_STYLES: Final = {
    "settled": "green",
    "failed": "red",
    "rejected": "red",
    "skipped": "dim",
    "applied": "green",
    "conflict": "red",
    "late": "yellow",
    "ignored": "dim",
}
_SHOWN: Final = 60  # characters of a changed value


def state_document(aggregate: Aggregate[S], entity_id: str, fields: Mapping[str, str]) -> bytes:
    """The JSON that the entity's `.state` record holds. Raises Failure where the projection is damaged."""
    try:
        entity = recall(entity_id, aggregate.restore(entity_id, fields), fields)
        shown = aggregate.render(entity.state).json
        document = shown[:-1] + b"," + bookkeeping_json(entity, bookkeeping(entity)) + b"}"
        json.loads(document, parse_constant=_no_number)  # for nested fields stand in it as they were
    except (*DAMAGED, RecursionError) as why:
        raise damaged(f"the projection of {entity_id}", aggregate.service, why) from None
    return document


def damaged(what: str, service: str, why: Exception) -> Failure:
    """What ends a command that was shown something in Redis that no worker wrote."""
    kind = "" if type(why) is ValueError else f"{type(why).__name__}: "
    return Failure(f"{what} in Redis is damaged ({kind}{one_line(why)}): stratafold rebuild {service}")


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def printed(entity: str, document: bytes) -> None:
    """Print a state document for a person: a line a field, a table for each list of objects."""
    console = Console(highlight=False)
    members: dict[str, Any] = json.loads(document, parse_float=str)
    plain = Table.grid(padding=(0, 2))
    lists = []
    for name, value in members.items():
        if isinstance(value, list) and value and all(isinstance(item, dict) for item in value):
            lists.append((name, value))
        else:
            plain.add_row(Text(printable(name), style="bold"), _value(name, value))
    console.print(Text(f"{entity} {members['id']}", style="bold cyan"))
    console.print(plain)
    for name, items in lists:
        console.print(_items(name, items))


def _value(name: str, value: Any) -> Text:
    if value is None or value == "":
        return Text("–", style="dim")
    if name == "disputed":
        return Text("yes", style="bold red") if value else Text("no")
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return Text(printable(text), style=STATUS_STYLES.get(text, "") if name == "status" else "")


def _items(name: str, items: list[dict[str, Any]]) -> Table:
    columns = list(dict.fromkeys(column for item in items for column in item))
    if len(columns) > 6:  # too wide for a terminal: a column an item instead
        table = Table("", *(str(number) for number in range(len(items))), title=name, title_justify="left")
        for column in columns:
            table.add_row(
                Text(printable(column), style="bold"), *(_value(column, item.get(column)) for item in items)
            )
        return table
    table = Table(*(printable(column) for column in columns), title=name, title_justify="left")
    for item in items:
        table.add_row(*(_value(column, item.get(column)) for column in columns))
    return table


def step_json(step: Step) -> bytes:
    """A log record with `changed`: {field: [before, after]}, null where that can't be known.

    And with `claimed`: {field: [held, claimed]}, null but for what is late or a conflict.
    """
    added = orjson.dumps({"changed": _pairs(step.changed), "claimed": _pairs(step.claimed)})
    return step.logged.value[:-1] + b"," + added[1:]


def _pairs(fields: dict[str, tuple[bytes, bytes]] | None) -> Any:
    if fields is None:
        return None
    return {name: [orjson.Fragment(value) for value in pair] for name, pair in fields.items()}


def print_step(step: Step) -> None:
    """Print a log record for a person: its head, and a line for each field that it changed or claimed otherwise."""
    console = Console(highlight=False)
    a = step.logged.attributes
    head = Text(f"{a['sequence']:>4}  ", style="bold")
    head.append(f"{a['time']}  ", style="cyan")
    head.append(f"{a['verdict']:<9}", style=STATUS_STYLES.get(a["verdict"], ""))
    head.append(f"  recorded {a['recordedtime']}", style="dim")
    console.print(head)
    if step.changed is None:
        console.print(
            Text("      what it changed can't be known: the history before it is cut off", style="dim")
        )
        return
    for name, pair in step.changed.items():
        before, after = _short(pair)
        line = Text(f"      {printable(name)}: ", style="bold")
        line.append(f"{before} → ", style="dim")
        line.append(after)
        console.print(line, soft_wrap=True)
    for name, pair in (step.claimed or {}).items():
        held, claimed = _short(pair)
        line = Text(f"      {printable(name)}: ", style="bold")
        line.append(f"claimed {claimed}", style=STATUS_STYLES.get(a["verdict"], ""))
        line.append(f", {held} stands", style="dim")
        console.print(line, soft_wrap=True)


def _short(pair: tuple[bytes, bytes]) -> tuple[str, str]:
    one, other = (_text(value) for value in pair)
    return apart(one, other, _SHOWN)


def _text(value: bytes) -> str:
    decoded = orjson.loads(value)
    return printable(decoded if isinstance(decoded, str) and decoded else value.decode())
