"""A dead letter as `dead` prints it, whatever bytes it holds: as JSON, and for a person."""

from __future__ import annotations

import base64
from typing import Any, Final

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

from libs.ledger.letters import OURS, Letter
from libs.views.printable import printable
from services.cli.text import shortened

_DETAIL: Final = 100  # characters
_DUMPED: Final = 4_096  # bytes of a body that is no text


def summary(one: Letter) -> dict[str, Any]:
    """Why and where, without the body."""
    size = None if one.value is None else len(one.value)
    return {**{name: getattr(one, name) for name in OURS}, "place": one.place, "size": size}


def whole(one: Letter) -> dict[str, Any]:
    """Everything; bytes that are no UTF-8 stand under the name with `_base64`."""
    headers = [{"name": name, **_bytes("value", value)} for name, value in one.headers]
    return {**summary(one), **_bytes("key", one.key), "headers": headers, **_bytes("body", one.value)}


def _bytes(name: str, value: bytes | None) -> dict[str, str | None]:
    if value is None:
        return {name: None}
    try:
        return {name: value.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(value).decode()}


def print_list(letters: list[Letter], total: int) -> None:
    """A line or two a letter."""
    console = Console(highlight=False)
    for one in letters:
        head = Text(one.at, style="cyan")
        head.append(f"  {printable(one.source)}", style="bold")
        head.append(f"  {printable(one.error)}", style="red")
        head.append(f"  {printable(one.pointer) or '(the whole)'}", style="yellow")
        console.print(head, soft_wrap=True)
        console.print(Text(f"    {shortened(printable(one.detail), _DETAIL)}"), soft_wrap=True)
    if total > len(letters):
        console.print(Text(f"the newest {len(letters)} of {total}; --limit 0 shows all", style="dim"))
    elif not letters:
        console.print("no dead letters")


def print_letter(one: Letter) -> None:
    """Everything about a letter."""
    console = Console(highlight=False)
    grid = Table.grid(padding=(0, 2))
    for name in OURS:
        grid.add_row(Text(name, style="bold"), Text(printable(getattr(one, name)) or "–"))
    grid.add_row(Text("letter", style="bold"), Text(one.place))
    grid.add_row(Text("key", style="bold"), _shown(one.key))
    for name, value in one.headers:
        grid.add_row(Text(f"header {printable(name)}", style="bold"), _shown(value))
    console.print(grid)
    console.print(Text("body", style="bold"))
    console.print(body(one.value), soft_wrap=True)


def _shown(value: bytes | None) -> Text:
    if value is None:
        return Text("null", style="dim")
    try:
        return Text(printable(value.decode()))
    except UnicodeDecodeError:
        return Text(repr(value)[1:])


def body(value: bytes | None) -> Text:
    """A body to look at: JSON in lines, other text as it is, bytes in hexadecimal."""
    if value is None:
        return Text("none (a tombstone)", style="dim")
    if not value:
        return Text("empty", style="dim")
    try:
        return Text(_lines(orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode()))
    except (orjson.JSONDecodeError, TypeError):
        pass
    try:
        return Text(_lines(value.decode()))
    except UnicodeDecodeError:
        return Text(_dump(value))


def _lines(text: str) -> str:
    return "\n".join(printable(line) for line in text.split("\n"))


def _dump(value: bytes) -> str:
    lines = []
    for at in range(0, min(len(value), _DUMPED), 16):
        row = value[at : at + 16]
        text = "".join(chr(byte) if 32 <= byte < 127 else "·" for byte in row)
        lines.append(f"{at:06x}  {row.hex(' '):<47}  {text}")
    if len(value) > _DUMPED:
        lines.append(f"… {len(value) - _DUMPED} bytes more (--json has them all)")
    return "\n".join(lines)
