"""What runs beside the services, as far as it shows in what it leaves behind. Pure.

A process that leaves nothing of its own may be at work or not: it is never told to be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import orjson

from libs.contracts.agents import CLOCK_EVENT
from libs.security.webhooks import ID_HEADER, TIMESTAMP_HEADER

Row = dict[str, str]
"""``name``, ``state`` and ``text``: why that is believed."""
State = Literal["good", "bad", "unknown"]

GATES: Final = ("operations", "executions")  # whose inputs the gateway writes
CONNECTED: Final = {"agents": "agent connector", "strategies": "strategy connector"}
INPUTS: Final = (*GATES, *CONNECTED)
"""Services whose latest inputs tell something."""
_FIGURES_WITHIN_MS: Final = 5_000  # metrics writes once a second, and another takes over within five
_WEBHOOK_WITHIN_MS: Final = 10_000


@dataclass(slots=True)
class LastSeen:
    """When, by the broker's or Redis' clock in ms, something was left last; None where nothing was seen."""

    figures: int | None = None
    webhook: int | None = None
    inputs: dict[str, int] = field(default_factory=dict)

    def took(
        self, service: str, at: int, value: bytes | None, headers: Iterable[tuple[str, bytes | None]]
    ) -> None:
        """Take an input of a service: its time in ms, its value, its headers."""
        if service in GATES:
            if _is_webhook(at, dict(headers)):
                self.webhook = max(self.webhook or 0, at)
        elif not _is_tick(value):
            self.inputs[service] = max(self.inputs.get(service, 0), at)


def beside(
    services: Collection[str], seen: LastSeen, away: Mapping[str, str | None], now_ms: float
) -> list[Row]:
    """A row for each thing beside the services of a deployment; ``away`` says why Kafka or Redis can't be asked."""
    rows = [
        _row(name.capitalize(), "good" if why is None else "bad", "answers" if why is None else why)
        for name, why in away.items()
    ]
    rows.append(_row("metrics", *_metrics(seen.figures, away.get("redis"), now_ms)))
    if any(service in services for service in GATES):
        rows.append(_row("gateway", *_gateway(seen.webhook, now_ms)))
    return rows + [
        _row(name, "unknown", _input(seen.inputs.get(service), now_ms))
        for service, name in CONNECTED.items()
        if service in services
    ]


def ago(at: int, now_ms: float) -> str:
    """How long ago, to a second, a minute or an hour."""
    seconds = max(0, int(now_ms - at) // 1_000)
    for unit, length in (("h", 3_600), ("min", 60), ("s", 1)):
        if seconds >= 2 * length or length == 1:
            return f"{seconds // length} {unit} ago"
    raise AssertionError("seconds are the last")


def _metrics(figures: int | None, redis_away: str | None, now_ms: float) -> tuple[State, str]:
    if redis_away is not None:
        return "unknown", "its figures are in Redis"
    if figures is None:
        return "unknown", "no figures of it in Redis: it has not run yet"
    if now_ms - figures <= _FIGURES_WITHIN_MS:
        return "good", "wrote Grafana's figures in the last seconds"
    return "bad", f"wrote Grafana's figures last {ago(figures, now_ms)}, not every second"


def _gateway(webhook: int | None, now_ms: float) -> tuple[State, str]:
    if webhook is None:
        return "unknown", "no webhook is among the latest inputs"
    if now_ms - webhook <= _WEBHOOK_WITHIN_MS:
        return "good", "took a webhook in the last seconds"
    return "unknown", f"took a webhook last {ago(webhook, now_ms)}; without webhooks it leaves no trace"


def _input(at: int | None, now_ms: float) -> str:
    if at is None:
        return "no input yet, from it or anybody else"
    return f"latest input {ago(at, now_ms)}, from it or anybody else"


def _is_webhook(at: int, headers: Mapping[str, bytes | None]) -> bool:
    """Whether the gateway wrote a record when it has its time; a copy of one has the same headers, but a later time."""
    signed = (headers.get(TIMESTAMP_HEADER) or b"").decode(errors="replace")
    return ID_HEADER in headers and signed.isdecimal() and at - 1_000 * int(signed) <= _WEBHOOK_WITHIN_MS


def _is_tick(value: bytes | None) -> bool:
    """Whether a worker told itself the time."""
    if value is None or CLOCK_EVENT.encode() not in value:
        return False
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        return False
    return isinstance(body, dict) and body.get("event") == CLOCK_EVENT


def _row(name: str, state: State, text: str) -> Row:
    return {"name": name, "state": state, "text": text}
