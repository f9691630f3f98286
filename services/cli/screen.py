"""The live view of `up`: one screenful, made from what is known, fitted to the terminal's size. Pure but for rich."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from libs.views.figures import VERDICTS, Figures
from services.cli.problems import Problem
from services.cli.text import clock, count, duration, latency, rate
from services.cli.watch import Event, Seen

_WIDE: Final = 128  # columns from which everything about a service fits into one row
_SHORT: Final = {"duplicate": "dup", "quarantined": "dead", "forwarded": "fwd", "conflict": "conflict"}
_STYLES: Final = {
    "applied": "green",
    "late": "yellow",
    "conflict": "red",
    "quarantined": "magenta",
}
_IDS: Final = 110  # columns from which ids are shown whole, to be copied
_PROBLEMS: Final = 4
_EVENTS_AT_LEAST: Final = 3


@dataclass(frozen=True, slots=True)
class ProcessLine:
    """A process as the view shows it: ``state`` is running, waiting or stopped; ``note`` says why it is not running."""

    name: str
    state: str
    pid: int | None = None
    restarts: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that a screenful is made from."""

    uptime: float
    servers: Sequence[tuple[str, str]]
    seen: Seen
    processes: Sequence[ProcessLine]
    problems: Sequence[Problem]
    addresses: Sequence[tuple[str, str]]


class Screen:
    """Renders a scene; the feed takes the room that is left."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Fill the screen, or what the scene needs where there is no height to fill."""
        scene, width = self._scene, options.max_width
        height = options.height or options.size.height
        top: list[RenderableType] = [_head(scene), Text(), *_services(scene.seen.figures, width), Text()]
        top.append(_processes(scene.processes))
        if scene.problems:
            top += [Text(), *(_problem(one, width) for one in scene.problems[-_PROBLEMS:])]
        bottom: list[RenderableType] = [Rule(style="dim"), *_foot(scene)]
        used = len(console.render_lines(Group(*top), options.update(height=None), pad=False))
        used += len(console.render_lines(Group(*bottom), options.update(height=None), pad=False))
        room = max(_EVENTS_AT_LEAST, height - used - 1)
        feed = list(scene.seen.events)[:room]
        yield Group(
            *top,
            Rule("latest events", style="dim", align="left"),
            _feed(feed, room, 36 if width >= _IDS else 8),
            *bottom,
        )


class Figured:
    """Renders the figures of a scene alone, as what is left to see afterwards."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """As high as it gets."""
        yield Group(_head(self._scene), Text(), *_services(self._scene.seen.figures, options.max_width))


def _head(scene: Scene) -> Text:
    head = Text(no_wrap=True, overflow="ellipsis")
    head.append(" stratafold ", style="bold black on cyan")
    head.append(f"  up {duration(scene.uptime)}", style="bold")
    away = {"Kafka": scene.seen.kafka_away, "Redis": scene.seen.redis_away}
    for name, address in scene.servers:
        head.append(f"   {name} ", style="bold")
        head.append(address)
        if away.get(name):
            head.append(" does not answer", style="bold red")
    return head


def _services(rows: Sequence[Figures], width: int) -> list[RenderableType]:
    """One table where it fits, else the verdicts in a second one."""
    wide = width >= _WIDE
    first = _table("service", "ready", "in/s", "lag", "entities", "disputed", "events", "p50", "p99")
    second = _table("verdicts", "in", *(_SHORT.get(name, name) for name in VERDICTS))
    if wide:
        for name in ("in", *(_SHORT.get(name, name) for name in VERDICTS)):
            first.add_column(name, justify="right", no_wrap=True)
    for row in rows:
        cells = [*_first(row)]
        verdicts = [Text(count(row.total("in_total"))), *(_verdict(row, name) for name in VERDICTS)]
        first.add_row(*cells, *(verdicts if wide else ()))
        second.add_row(Text(row.service, style="bold"), *verdicts)
    return [first] if wide else [first, Text(), second]


def _first(row: Figures) -> list[Text]:
    all_ready = row.partitions > 0 and row.ready == row.partitions
    lag = Text("?", style="dim") if row.lag is None else Text(count(row.lag))
    if row.lag:
        lag.stylize("yellow" if row.lag < 10_000 else "bold yellow")
    disputed = row.total("disputed")
    return [
        Text(row.service, style="bold"),
        Text(
            f"{row.ready}/{row.partitions}" if row.partitions else "–", style="green" if all_ready else "red"
        ),
        Text(rate(row.rate), style="bold cyan" if row.rate else "dim"),
        lag,
        Text(count(row.total("entities"))),
        Text(count(disputed), style="red" if disputed else "dim"),
        Text(count(row.total("events_total"))),
        Text(latency(row.p50_ms)),
        Text(latency(row.p99_ms)),
    ]


def _verdict(row: Figures, name: str) -> Text:
    number = row.total(f"{name}_total")
    return Text(count(number), style=_STYLES.get(name, "") if number else "dim")


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for number, column in enumerate(columns):
        table.add_column(
            column, justify="right" if number else "left", no_wrap=True, min_width=10 if not number else 4
        )
    return table


def _processes(lines: Sequence[ProcessLine]) -> Text:
    text = Text("processes ", style="dim")
    for line in lines:
        sign, style = {"running": ("●", "green"), "waiting": ("◐", "yellow"), "stopped": ("✕", "red")}[
            line.state
        ]
        # spaces that don't break keep a process in one line
        text.append(f" {sign}\u00a0", style=style)
        text.append(line.name, style="default")
        if line.pid:
            text.append(f"\u00a0{line.pid}", style="dim")
        if line.restarts:
            text.append(
                f"\u00a0({line.restarts}\u00a0restart{'' if line.restarts == 1 else 's'})", style="yellow"
            )
        if line.note:
            text.append(f" {line.note}", style=style)
        text.append(" ")
    return text


def _problem(one: Problem, width: int) -> Text:
    style = "yellow" if one.level == "warning" else "red"
    line = Text(no_wrap=True, overflow="ellipsis")
    line.append(f"{one.at or ' ' * 8}  ", style="dim")
    line.append(f"{one.process}: ", style=f"bold {style}")
    line.append(one.text[:width], style=style)
    return line


def _feed(events: Sequence[Event], room: int, subject: int) -> RenderableType:
    """Exactly ``room`` lines, so that what stands below does not jump; ``subject`` characters of each id."""
    table = Table.grid(padding=(0, 2, 0, 0), expand=True)
    table.add_column(width=8, style="dim")
    table.add_column(width=max((len(event.name) for event in events), default=24), no_wrap=True)
    table.add_column(width=subject, style="dim", no_wrap=True)
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for event in events:
        table.add_row(
            clock(event.at),
            Text(event.name, style=_style_of(event.name)),
            event.subject[:subject],
            Text(event.summary),
        )
    for _ in range(room - len(events)):
        table.add_row("", "", "", "")
    return table


def _style_of(name: str) -> str:
    match name.rpartition(".")[2]:
        case "disputed" | "mismatch" | "rejected" | "failed":
            return "red"
        case "completed" | "settled" | "reconciled":
            return "green"
        case "started" | "created":
            return "cyan"
        case _:
            return ""


def _foot(scene: Scene) -> list[Text]:
    lines = []
    for name, address in scene.addresses:
        line = Text(no_wrap=True, overflow="ellipsis")
        line.append(f"{name:<13}", style="dim")
        line.append(address)
        lines.append(line)
    lines.append(Text("Ctrl-C stops everything; once more at once", style="dim"))
    return lines
