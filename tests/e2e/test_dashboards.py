"""Grafana's dashboards over the demo as a person starts it: every query of every panel, asked by the user `grafana`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, Final

import pytest
from redis.exceptions import NoPermissionError

from libs.local.redis import answers
from tests.deploy.dashboards import DASHBOARDS, load, panels
from tests.deploy.redis_source import Frame, command, frame, shown
from tests.deploy.viewer import Viewer, viewer
from tests.services.cli.command import run
from tests.services.cli.up import Up, own_settings

pytestmark = [pytest.mark.real, pytest.mark.timeout(600)]

HOUR_MS: Final = 3_600_000
SECONDS, MINUTES = "ts", "ts1m"
FILLED_AFTER: Final = (
    240  # seconds in which the demo has something for every panel, its first minute among them
)


def complaints(viewer: Viewer, name: str, grain: str) -> list[str]:
    """What the panels of a dashboard can't show as their kind needs it."""
    dashboard = load(name)
    try:
        values = viewer.values(dashboard, grain)
    except LookupError as why:
        return [str(why)]
    now = int(time.time() * 1_000)
    return [
        f"{panel['title']}, {query['keyName']}: {wrong}"
        for panel in panels(dashboard)
        for query in panel["targets"]
        for table in (frame(query, viewer.ask(command(query, now - HOUR_MS, now, values))),)
        if (wrong := complaint(panel, shown(panel, table))) is not None
    ]


def complaint(panel: dict[str, Any], table: Frame) -> str | None:
    """Why this kind of panel has nothing to show of a table, or shows it wrongly."""
    wanted = {
        column
        for step in panel["transformations"]
        if step["id"] == "filterFieldsByName"
        for column in step["options"]["include"]["names"]
    }
    if missing := wanted - table.keys():
        return f"has no {', '.join(sorted(missing))}"
    rows = {len(column) for column in table.values()}
    if len(rows) != 1 or 0 in rows:
        return f"has {sorted(rows)} rows"
    texts = sorted(name for name, column in table.items() if any(isinstance(cell, str) for cell in column))
    match panel["type"]:
        case "timeseries":
            return f"texts: {texts}" if texts or "$time" not in wanted else None
        case "bargauge":
            return f"texts: {texts}" if texts else None
        case "stat" if panel["options"]["reduceOptions"]["fields"]:
            return None if rows == {1} and any(table[name][0] for name in wanted) else "says nothing"
        case "stat":
            return f"{rows} rows, texts: {texts}" if rows != {1} or texts else None
        case "table":
            return None
    return f"what does a {panel['type']} need?"


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Viewer]:
    """A demo, and somebody who looks at it."""
    folder = tmp_path_factory.mktemp("dashboards")
    settings = own_settings(folder / "data")
    up = Up(settings, folder / "up.out", "--demo")
    port = int(settings["STRATAFOLD_LOCAL_REDIS_PORT"])
    try:
        end = time.monotonic() + 60
        while not answers(port):
            assert time.monotonic() < end, up.said
            time.sleep(0.5)
        with viewer(f"redis://127.0.0.1:{port}") as looking:
            yield looking
    finally:
        up.end()
        run(settings, "local", "down")


def test_in_a_few_minutes_of_demo_every_panel_has_what_it_needs(demo: Viewer) -> None:
    """A time series has times and numbers, a stat one row, bars numbers, a table all its columns: none is empty."""
    end = time.monotonic() + FILLED_AFTER
    while True:
        wrong = {
            (name, grain): told
            for name in DASHBOARDS
            for grain in (SECONDS, MINUTES)
            if (told := complaints(demo, name, grain))
        }
        if not wrong:
            return
        assert time.monotonic() < end, wrong
        time.sleep(2)


def test_who_looks_at_dashboards_sees_nothing_else(demo: Viewer) -> None:
    with pytest.raises(NoPermissionError):
        demo.ask(["KEYS", "*"])
    with pytest.raises(NoPermissionError):
        demo.ask(["HGETALL", "credentials"])
