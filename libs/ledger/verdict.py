"""What became of an input record."""

from __future__ import annotations

from enum import StrEnum
from typing import Final


class Verdict(StrEnum):
    """The contract's seven verdicts; each input record gets exactly one."""

    APPLIED = "applied"
    LATE = "late"
    CONFLICT = "conflict"
    IGNORED = "ignored"
    DUPLICATE = "duplicate"
    QUARANTINED = "quarantined"
    FORWARDED = "forwarded"

    __hash__ = str.__hash__  # an Enum's own runs in Python, and every input looks verdicts up


SEQUENCED: Final = frozenset({Verdict.APPLIED, Verdict.LATE, Verdict.CONFLICT, Verdict.IGNORED})
