"""What becomes of a process that ended: started again after a pause, or not at all. Pure."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from typing import Final

WRONG_SETTING: Final = 2
STUCK: Final = 3
_FIRST: Final = 0.5  # seconds
_LONGEST: Final = 15.0
_SETTLED: Final = 30.0  # seconds after which a process counts as having worked


@dataclass(frozen=True, slots=True)
class Verdict:
    """``pause`` in seconds until it is started again, None for never; ``streak`` counts ends in quick succession."""

    pause: float | None
    streak: int
    why: str


def judge(status: int, ran: float, streak: int) -> Verdict:
    """Judge the end of a process that ran for ``ran`` seconds; a negative status is the signal that killed it."""
    if status == WRONG_SETTING:
        return Verdict(None, streak + 1, "a setting is wrong or something is missing: not started again")
    streak = 1 if ran >= _SETTLED else streak + 1
    return Verdict(min(_FIRST * 2 ** (streak - 1), _LONGEST), streak, said(status))


def said(status: int) -> str:
    """An exit status in words."""
    if status < 0:
        try:
            return f"killed by {signal.Signals(-status).name}"
        except ValueError:
            return f"killed by signal {-status}"
    return "its Kafka client was stuck" if status == STUCK else f"ended with status {status}"
