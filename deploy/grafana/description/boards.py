"""A dashboard from rows of panels: where each stands, the variables at its top, the way to the other dashboards.

The classic model of a dashboard, which Grafana reads from files as it always did, and not yet its second.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.models.dashboard import (
    Dashboard,
    DashboardCursorSync,
    DashboardDashboardTemplating,
    DashboardDashboardTime,
    DashboardLink,
    DashboardLinkType,
    GridPos,
    Panel,
    RowPanel,
    TimePickerConfig,
    VariableModel,
    VariableOption,
    VariableRefresh,
    VariableSort,
    VariableType,
)

from deploy.grafana.description.queries import SOURCE

_WIDTH: Final = 24  # of Grafana's grid
_TAG: Final = "stratafold"
_EVERY: Final = VariableOption(selected=True, text="All", value="$__all")


@dataclass(frozen=True, slots=True)
class Row:
    """A question, and the panels that answer it, side by side over the whole width; ``each`` repeats the row for every
    chosen value of a variable."""

    title: str
    height: int
    panels: Sequence[Panel]
    each: str | None = None


def members(name: str, label: str, why: str, key: str) -> VariableModel:
    """A choice among the members of a Redis set: one, some or all of them."""
    command = f"SMEMBERS {key}"
    return VariableModel(
        type_val=VariableType.QUERY,
        name=name,
        label=label,
        description=why,
        datasource=SOURCE,
        query=command,
        definition=command,
        refresh=VariableRefresh.ON_TIME_RANGE_CHANGED,
        sort=VariableSort.ALPHABETICAL_ASC,
        multi=True,
        include_all=True,
        current=_EVERY,
    )


def grain() -> VariableModel:
    """The choice between figures of seconds and of minutes, ``${grain}`` in a key."""
    values = {"Seconds": "ts", "Minutes": "ts1m"}
    options = [
        VariableOption(text=text, value=value, selected=value == "ts") for text, value in values.items()
    ]
    return VariableModel(
        type_val=VariableType.CUSTOM,
        name="grain",
        label="Figures of",
        description="Seconds are kept for a day, and meant for an hour or two at a time; minutes for ninety days.",
        query=", ".join(f"{text} : {value}" for text, value in values.items()),
        options=options,
        current=options[0],
    )


def board(
    uid: str, title: str, why: str, rows: Sequence[Row], variables: Sequence[VariableModel], since: str
) -> Dashboard:
    """The whole dashboard; ``since`` is how far back it looks at first, such as ``now-15m``."""
    return Dashboard(
        uid=f"stratafold-{uid}",
        title=f"Stratafold: {title}",
        description=why,
        tags=[_TAG],
        editable=False,
        graph_tooltip=DashboardCursorSync.CROSSHAIR,
        time=DashboardDashboardTime(since, "now"),
        timepicker=TimePickerConfig(refresh_intervals=["5s", "10s", "30s", "1m", "5m"]),
        refresh="10s",
        panels=_placed(rows),
        templating=DashboardDashboardTemplating(list(variables)),
        links=[
            DashboardLink(
                title="Dashboards",
                type_val=DashboardLinkType.DASHBOARDS,
                icon="external link",
                tags=[_TAG],
                keep_time=True,
            )
        ],
    )


def _placed(rows: Sequence[Row]) -> list[Panel | RowPanel]:
    placed: list[Panel | RowPanel] = []
    top = 0
    for row in rows:
        where = GridPos(h=1, w=_WIDTH, x=0, y=top)
        placed.append(RowPanel(title=row.title, grid_pos=where, id_val=len(placed) + 1, repeat=row.each))
        top += 1
        width, wider = divmod(_WIDTH, len(row.panels))
        left = 0
        for place, panel in enumerate(row.panels):
            breadth = width + (place < wider)
            panel.id_val = len(placed) + 1
            panel.grid_pos = GridPos(h=row.height, w=breadth, x=left, y=top)
            placed.append(panel)
            left += breadth
        top += row.height
    return placed
