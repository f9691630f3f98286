"""Dashboard: do strategies run, do we know all of them, and how do versions get on?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from deploy.grafana.description.boards import Row, board, grain, members
from deploy.grafana.description.feed import feed
from deploy.grafana.description.panels import Figure, bars, lines, numbers, words
from deploy.grafana.description.queries import over_time, row
from deploy.grafana.description.scales import BLUE, COUNT, GREEN, INPUTS, NONE_IS_GOOD, ORANGE, RED
from libs.contracts import monitoring

_NOW: Final = row(monitoring.now(monitoring.BUSINESS))
_THEN: Final = over_time(monitoring.BUSINESS)
_ONE: Final = row(monitoring.strategy("${strategy}"))

_COLORS: Final = {
    "deployed": GREEN,
    "paused": ORANGE,
    "error": RED,
    "complete": GREEN,
    "suspect": ORANGE,
    "repaired": BLUE,
}


def dashboard() -> Dashboard:
    """Of strategies and versions."""
    return board(
        "strategies",
        "Strategies and versions",
        "Do strategies run, do we know all that happened to them, and how do versions get on?",
        [
            Row("How do they stand?", 6, _now()),
            Row("When did it go wrong?", 8, _then()),
            Row("How is each strategy?", 5, [_each()]),
            Row("What happened last?", 9, [feed("strategies", "versions")]),
        ],
        [
            grain(),
            members(
                "strategy",
                "Strategy",
                "The strategies shown one by one, as account:id.",
                monitoring.STRATEGIES,
            ),
        ],
        since="now-15m",
    )


def _now() -> list[Panel]:
    return [
        numbers(
            "Strategies",
            "Those that have a status.",
            [Figure(_NOW, "strategies", "Strategies")],
            COUNT,
        ),
        numbers(
            "Halted strategies",
            "Strategies in status error: they trade no more until somebody looks.",
            [Figure(_NOW, "strategies_halted", "Halted")],
            NONE_IS_GOOD,
        ),
        numbers(
            "Open gaps",
            "Stretches of the upstream's sequence that we never got. As long as one is open, positions and orders "
            "may be wrong.",
            [Figure(_NOW, "gaps_open", "Gaps")],
            NONE_IS_GOOD,
        ),
        bars(
            "Strategies by status",
            "How many strategies are in each status now.",
            row(monitoring.status("strategies")),
            COUNT,
        ),
        bars(
            "Versions by status",
            "How many versions are in each status now.",
            row(monitoring.status("versions")),
            COUNT,
        ),
    ]


def _then() -> list[Panel]:
    return [
        lines(
            "Halted strategies",
            "Strategies in status error.",
            [Figure(_THEN, "strategies_halted", "Halted"), Figure(_THEN, "strategies", "All")],
            COUNT,
            stepped=True,
        ),
        lines(
            "Open gaps",
            "A gap that closes was repaired by a replay or by looking up the state.",
            [Figure(_THEN, "gaps_open", "Gaps")],
            COUNT,
            stepped=True,
        ),
        lines(
            "Inputs",
            "Inputs folded a second. Where nothing comes for long, see whether the upstream is connected.",
            [
                Figure(over_time("strategies", "strategies"), "rate", "Strategies"),
                Figure(over_time("versions", "versions"), "rate", "Versions"),
            ],
            INPUTS,
        ),
    ]


def _each() -> Panel:
    panel = words(
        "$strategy",
        "Its status, the code of what stopped it, whether all is known of its account, what it holds and earned.",
        [
            Figure(_ONE, "status", "Status"),
            Figure(_ONE, "error", "Error"),
            Figure(_ONE, "completeness", "Known"),
            Figure(_ONE, "positions_open", "Positions"),
            Figure(_ONE, "orders_open", "Orders"),
            Figure(_ONE, "realized_pnl", "Realised"),
        ],
        _COLORS,
    )
    panel.repeat, panel.repeat_direction, panel.max_per_row = "strategy", "h", 2
    return panel
