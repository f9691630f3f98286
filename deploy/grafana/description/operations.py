"""Dashboard: do operations and executions come to an end, how, how fast, and over how much?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from deploy.grafana.description.boards import Row, board, grain
from deploy.grafana.description.feed import feed
from deploy.grafana.description.panels import Figure, bars, increases, lines, numbers
from deploy.grafana.description.queries import over_time, row
from deploy.grafana.description.scales import COUNT, DURATION, GREEN, GREY, MONEY, ORANGE, RED, Scale
from libs.contracts import monitoring

_NOW: Final = row(monitoring.now(monitoring.BUSINESS))
_THEN: Final = over_time(monitoring.BUSINESS)
_REJECTED: Final = Scale(units.PercentUnit, GREEN, ((0.05, ORANGE), (0.2, RED)), most=1)


def dashboard() -> Dashboard:
    """Of operations and executions."""
    return board(
        "operations",
        "Operations and executions",
        "Do operations and executions come to an end, how, how fast, and over how much?",
        [
            Row("How do they stand?", 5, _now()),
            Row("In which status are they, and why did they end?", 8, _ends()),
            Row("Do they come to an end?", 8, _progress()),
            Row("What ended in this time, and what was filled since the beginning?", 8, _turnover()),
            Row("What happened last?", 9, [feed("operations", "executions")]),
        ],
        [grain()],
        since="now-15m",
    )


def _now() -> list[Panel]:
    return [
        numbers(
            "Not ended yet",
            "Operations that validate, price or settle, and executions that await being executed.",
            [
                Figure(_NOW, "operations_open", "Operations"),
                Figure(_NOW, "executions_awaiting", "Executions"),
            ],
            COUNT,
        ),
        numbers(
            "Rejected executions",
            "Of the executions that ended, the share that was rejected.",
            [Figure(_NOW, "rejected_share", "Rejected")],
            _REJECTED,
        ),
        numbers(
            "Time to settle",
            "From an operation's creation to its status settled, of those that settled in the last hour.",
            [
                Figure(_NOW, "settlement_p50_ms", "Median"),
                Figure(_NOW, "settlement_p99_ms", "99 of 100"),
            ],
            DURATION,
        ),
    ]


def _ends() -> list[Panel]:
    return [
        bars(
            "Operations by status",
            "How many operations are in each status now.",
            row(monitoring.status("operations")),
            COUNT,
        ),
        bars(
            "Operations by reason",
            "The status_reason that they ended with; none: there was none.",
            row(monitoring.OPERATION_REASONS),
            COUNT,
        ),
        bars(
            "Executions by status",
            "How many executions are in each status now.",
            row(monitoring.status("executions")),
            COUNT,
        ),
        bars(
            "Executions by reason",
            "The status_reason that they ended with: why something was rejected or skipped.",
            row(monitoring.EXECUTION_REASONS),
            COUNT,
        ),
    ]


def _progress() -> list[Panel]:
    return [
        lines(
            "Not ended yet",
            "A slope that doesn't end: somebody upstream no longer settles.",
            [
                Figure(_THEN, "operations_open", "Operations"),
                Figure(_THEN, "executions_awaiting", "Executions"),
            ],
            COUNT,
        ),
        lines(
            "Time to settle",
            "Of the operations that settled in the hour before.",
            [
                Figure(_THEN, "settlement_p50_ms", "Median"),
                Figure(_THEN, "settlement_p99_ms", "99 of 100"),
            ],
            DURATION,
        ),
        lines(
            "Rejected executions",
            "Of the executions that had ended, the share that was rejected: when it began to rise.",
            [Figure(_THEN, "rejected_share", "Rejected")],
            _REJECTED,
        ),
    ]


def _turnover() -> list[Panel]:
    return [
        increases(
            "Operations that ended",
            "In the time that the dashboard shows.",
            [
                Figure(_THEN, "operations_settled", "Settled", color=GREEN),
                Figure(_THEN, "operations_skipped", "Skipped", color=GREY),
                Figure(_THEN, "operations_failed", "Failed", color=RED),
            ],
            COUNT,
        ),
        increases(
            "Executions that ended",
            "In the time that the dashboard shows.",
            [
                Figure(_THEN, "executions_settled", "Settled", color=GREEN),
                Figure(_THEN, "executions_skipped", "Skipped", color=GREY),
                Figure(_THEN, "executions_rejected", "Rejected", color=RED),
            ],
            COUNT,
        ),
        bars(
            "Filled, by currency",
            "The notional of all filled instructions since the beginning, each in its own currency: never added up.",
            row(monitoring.NOTIONAL),
            MONEY,
        ),
    ]
