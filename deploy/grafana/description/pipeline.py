"""Dashboard: does everything keep up, is everything ready, what was refused?"""

from __future__ import annotations

from typing import Final

from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import Dashboard, Panel

from deploy.grafana.description.boards import Row, board, grain, members
from deploy.grafana.description.feed import feed
from deploy.grafana.description.panels import Figure, increases, lines, numbers
from deploy.grafana.description.queries import over_time, row
from deploy.grafana.description.scales import COUNT, GREEN, INPUTS, NONE_IS_GOOD, ORANGE, RED, Scale
from libs.contracts import monitoring
from libs.contracts.names import SERVICES

_VERDICTS: Final = {
    "applied_total": "Applied",
    "late_total": "Late",
    "duplicate_total": "Duplicate",
    "conflict_total": "Conflict",
    "ignored_total": "Ignored",
    "quarantined_total": "Quarantined",
    "forwarded_total": "Forwarded",
}

BEHIND: Final = Scale(units.Seconds, GREEN, ((5, ORANGE), (30, RED)))
LATENCY: Final = Scale(units.Milliseconds, GREEN, ((1_000, ORANGE), (5_000, RED)))
READY: Final = Scale(units.Short, RED, ((1, ORANGE), (100, GREEN)), decimals=0, of_the_most=True)


def dashboard() -> Dashboard:
    """Of all services."""
    return board(
        "pipeline",
        "Pipeline",
        "Does every service keep up with what comes in, is it ready, and what did it refuse?",
        [
            Row("Is everything ready?", 5, _ready()),
            Row("Does it keep up?", 8, _pace()),
            Row("How long does an input take?", 8, _latency()),
            Row("What became of the inputs in this time?", 8, [_verdicts()]),
            Row("What was refused?", 8, _refused()),
            Row("What happened last?", 9, [feed()]),
        ],
        [
            grain(),
            members("service", "Verdicts of", "The services whose verdicts are shown.", monitoring.SERVICES),
        ],
        since="now-15m",
    )


def _now(column: str) -> list[Figure]:
    return [Figure(row(monitoring.now(name), name), column, name.capitalize()) for name in SERVICES]


def _over_time(column: str) -> list[Figure]:
    return [Figure(over_time(name, name), column, name.capitalize()) for name in SERVICES]


def _ready() -> list[Panel]:
    return [
        numbers(
            "Ready partitions",
            "Partitions that a worker owns and has brought up to date. Green: as many as any service has; "
            "orange: fewer, as while workers start or take over; red: none.",
            _now("ready_partitions"),
            READY,
        ),
        numbers(
            "Oldest input that waits",
            "How long the oldest input that isn't folded yet has waited, by the broker's clock. A worker that is "
            "gone, or too slow, shows here first.",
            _now("lag_seconds"),
            BEHIND,
        ),
        numbers(
            "Entities kept",
            "Operations, executions, versions, agents and strategies known so far: what memory is needed for.",
            _now("entities"),
            COUNT,
        ),
    ]


def _pace() -> list[Panel]:
    return [
        lines("Inputs", "Inputs folded a second, of every verdict.", _over_time("rate"), INPUTS),
        lines(
            "Inputs that wait",
            "Inputs in Kafka that aren't folded yet. A hill is a burst; an endless slope asks for more workers.",
            _over_time("lag"),
            COUNT,
        ),
        lines(
            "Oldest input that waits",
            "The age of the oldest input that isn't folded yet: how far behind the views are.",
            _over_time("lag_seconds"),
            BEHIND,
        ),
        lines(
            "Ready partitions",
            "When was a service not ready? A dip is a restart or a partition that changed hands.",
            _over_time("ready_partitions"),
            COUNT,
            stepped=True,
        ),
    ]


def _latency() -> list[Panel]:
    told = "from the broker's time stamp until readers see it in Redis"
    return [
        lines(
            "Latency, median", f"Half of the inputs took less, {told}.", _over_time("latency_p50_ms"), LATENCY
        ),
        lines(
            "Latency, 99 of 100",
            f"One input of a hundred took longer, {told}.",
            _over_time("latency_p99_ms"),
            LATENCY,
        ),
    ]


def _verdicts() -> Panel:
    query = over_time("${service}")
    panel = increases(
        "$service",
        "How many inputs got each verdict in this time. Late and duplicate ones are usual where senders repeat; "
        "conflicts contradict what had ended and leave an entity disputed; quarantined ones are dead letters.",
        [Figure(query, column, label) for column, label in _VERDICTS.items()],
        COUNT,
    )
    panel.repeat, panel.repeat_direction, panel.max_per_row = "service", "h", len(SERVICES)
    return panel


def _refused() -> list[Panel]:
    now = row(monitoring.now(monitoring.BUSINESS))
    return [
        numbers(
            "Dead letters",
            "Inputs that nobody could read or accept, as many as Kafka keeps. `stratafold dead list` shows them.",
            [Figure(now, "dead_letters", "Dead letters")],
            NONE_IS_GOOD,
        ),
        numbers(
            "Oldest dead letter",
            "For how long somebody ought to have looked. They are kept for 90 days.",
            [Figure(now, "oldest_dead_letter_seconds", "Oldest dead letter")],
            Scale(units.DurationInDaysHoursMinutesSeconds, GREEN, ((86_400, ORANGE), (604_800, RED))),
        ),
        numbers(
            "Disputed entities",
            "Entities of which a later fact contradicts one that was final: the first stands, and somebody should ask "
            "the source.",
            [Figure(now, "disputed", "Disputed")],
            NONE_IS_GOOD,
        ),
        lines(
            "Dead letters and disputes",
            "When did they come? A step is a sender that changed.",
            [
                Figure(over_time(monitoring.BUSINESS), "dead_letters", "Dead letters"),
                Figure(over_time(monitoring.BUSINESS), "disputed", "Disputed entities"),
            ],
            COUNT,
            stepped=True,
        ),
    ]
