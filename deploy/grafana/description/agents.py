"""Dashboard: how are the agents, and what did the rules keep them from?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from deploy.grafana.description.boards import Row, board, members
from deploy.grafana.description.feed import feed
from deploy.grafana.description.panels import Figure, bars, lines, numbers, words
from deploy.grafana.description.queries import entries, row
from deploy.grafana.description.scales import BLUE, COUNT, GREEN, MONEY, ORANGE, RED, SHARE, YELLOW, Scale
from libs.contracts import monitoring

_ALL: Final = row(monitoring.now(monitoring.BUSINESS))
_ONE: Final = row(monitoring.agent("${agent}"))
_SNAPSHOTS: Final = entries(monitoring.equity("${agent}"))

# the shares of the daily budget at which an agent is told to have crossed it
_BUDGET: Final = Scale(units.PercentUnit, GREEN, ((0.5, YELLOW), (0.8, ORANGE), (1.0, RED)), decimals=1)


def dashboard() -> Dashboard:
    """Of all agents, and a row for each that was chosen."""
    return board(
        "agents",
        "Agents",
        "How are the agents, how much of their risk budget is used, and what did the rules keep them from?",
        [
            Row("How are all of them?", 6, _all()),
            Row("$agent", 8, _one(), each="agent"),
            Row("What happened last?", 9, [feed("agents")]),
        ],
        [members("agent", "Agent", "The agents that have a row of their own here.", monitoring.AGENTS)],
        since="now-6h",
    )


def _all() -> list[Panel]:
    return [
        numbers(
            "Agents",
            "All of them, and those that trade live rather than on paper.",
            [Figure(_ALL, "agents", "Agents"), Figure(_ALL, "agents_live", "Live")],
            COUNT,
        ),
        numbers(
            "Most used daily budget",
            "Of all agents the greatest share of the daily drawdown budget that is used. At 100 % an agent is to stop.",
            [Figure(_ALL, "agents_budget_used_max", "Used")],
            _BUDGET,
        ),
        numbers(
            "Deepest drawdown",
            "Of all agents the greatest loss since their peak equity.",
            [Figure(_ALL, "agents_drawdown_max", "Drawdown")],
            SHARE,
        ),
        bars(
            "Blocked orders by rule",
            "How often policy, signer and quotes kept an agent from an order, since the beginning: which rule bites.",
            row(monitoring.BLOCKS),
            COUNT,
        ),
    ]


def _one() -> list[Panel]:
    return [
        words(
            "State of $agent",
            "Its status, the phase it told last, and whether it trades live or on paper.",
            [
                Figure(_ONE, "status", "Status"),
                Figure(_ONE, "phase", "Phase"),
                Figure(_ONE, "mode", "Mode"),
            ],
            {"LIVE": ORANGE, "PAPER": BLUE},
        ),
        lines(
            "Equity of $agent",
            "By its own snapshots, at their own times.",
            [Figure(_SNAPSHOTS, "equity", "Equity")],
            MONEY,
        ),
        lines(
            "Risk of $agent",
            "Drawdown since the peak, and how much of the daily budget is used. Dashed: where an agent is told to "
            "have crossed it.",
            [
                Figure(_SNAPSHOTS, "drawdown", "Drawdown"),
                Figure(_SNAPSHOTS, "daily_drawdown_used", "Daily budget used"),
            ],
            _BUDGET,
        ),
        numbers(
            "Result of $agent",
            "Profit and loss of its trades, and what they cost, since the beginning.",
            [
                Figure(_ONE, "realised_pnl_total", "Realised"),
                Figure(_ONE, "fees_total", "Fees"),
                Figure(_ONE, "peak_equity", "Peak equity"),
            ],
            MONEY,
        ),
        numbers(
            "Trades and blocks of $agent",
            "What it did, and what policy, signer and quotes kept it from, since the beginning.",
            [
                Figure(_ONE, "trades_total", "Trades"),
                Figure(_ONE, "risk_vetoes_total", "Vetoes"),
                Figure(_ONE, "twak_blocks_total", "Signer's blocks"),
                Figure(_ONE, "quotes_rejected_total", "Quotes rejected"),
            ],
            COUNT,
        ),
    ]
