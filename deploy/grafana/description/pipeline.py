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

_COLORS: Final = {"applied_total": GREEN, "conflict_total": ORANGE, "quarantined_total": RED}
_BEHIND: Final = Scale(units.Seconds, GREEN, ((5, ORANGE), (30, RED)))
_LATENCY: Final = Scale(units.Milliseconds, GREEN, ((1_000, ORANGE), (5_000, RED)))


def dashboard(partitions: int) -> Dashboard:
    """Of all services with so many ``partitions`` each, and a row for each service that was chosen."""
    return board(
        "pipeline",
        "Pipeline",
        "Does every service keep up with what comes in, is it ready, and what did it refuse?",
        [
            Row("Is everything ready, and does it keep up?", 5, _now(partitions)),
            Row("$service", 8, _one(), each="service"),
            Row("What was refused?", 8, _refused()),
            Row("What happened last?", 9, [feed()]),
        ],
        [
            grain(),
            members("service", "Service", "The services that have a row of their own.", monitoring.SERVICES),
        ],
        since="now-15m",
    )


def _each(column: str) -> list[Figure]:
    return [Figure(row(monitoring.now(name), name), column, name.capitalize()) for name in SERVICES]


def _now(partitions: int) -> list[Panel]:
    return [
        numbers(
            f"Ready partitions, of {partitions}",
            f"Partitions that a worker owns and has brought up to date. Green: all {partitions} that a service has; "
            "orange: fewer, as while workers start or take over; red: none.",
            _each("ready_partitions"),
            # how many there are stands in no figure, and the most that is ready may be half of them
            Scale(units.Short, RED, ((1, ORANGE), (partitions, GREEN)), decimals=0),
        ),
        numbers(
            "Oldest input that waits",
            "How long the oldest input that isn't folded yet has waited, by the broker's clock. A worker that is "
            "gone, or too slow, shows here first.",
            _each("lag_seconds"),
            _BEHIND,
        ),
        numbers("Inputs", "Inputs folded a second, of every verdict.", _each("rate"), INPUTS),
        numbers(
            "Latency, 99 of 100",
            "One input of a hundred took longer, from the broker's time stamp until readers see it in Redis.",
            _each("latency_p99_ms"),
            _LATENCY,
        ),
        numbers(
            "Entities kept",
            "Operations, executions, versions, agents and strategies known so far: what memory is needed for.",
            _each("entities"),
            COUNT,
        ),
    ]


def _one() -> list[Panel]:
    then = over_time("${service}")
    return [
        lines(
            "Inputs of $service",
            "Inputs folded a second, of every verdict.",
            [Figure(then, "rate", "Inputs")],
            INPUTS,
        ),
        lines(
            "Inputs of $service that wait",
            "Inputs in Kafka that aren't folded yet, and on the right the age of the oldest. A hill is a burst; an "
            "endless slope asks for more workers.",
            [Figure(then, "lag", "Inputs"), Figure(then, "lag_seconds", "Age of the oldest", units.Seconds)],
            COUNT,
        ),
        lines(
            "Latency of $service",
            "From the broker's time stamp of an input until readers see it in Redis.",
            [Figure(then, "latency_p50_ms", "Median"), Figure(then, "latency_p99_ms", "99 of 100")],
            _LATENCY,
        ),
        lines(
            "Ready partitions of $service",
            "When it was not ready. A dip is a restart or a partition that changed hands.",
            [Figure(then, "ready_partitions", "Partitions")],
            COUNT,
            stepped=True,
        ),
        increases(
            "Verdicts of $service",
            "How many inputs got each verdict in this time, and how many events followed. Late and duplicate "
            "ones are usual where senders repeat; conflicts contradict "
            "what had ended and leave an entity disputed; quarantined ones are dead letters.",
            [
                *(
                    Figure(then, column, label, color=_COLORS.get(column))
                    for column, label in _VERDICTS.items()
                ),
                Figure(then, "events_total", "Events"),
            ],
            COUNT,
        ),
    ]


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
            "When they came. A step is a sender that changed.",
            [
                Figure(over_time(monitoring.BUSINESS), "dead_letters", "Dead letters"),
                Figure(over_time(monitoring.BUSINESS), "disputed", "Disputed entities"),
            ],
            COUNT,
            stepped=True,
        ),
    ]
