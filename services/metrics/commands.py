"""What a look comes to, as the Redis commands that write it. Pure; the names are without a namespace."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from libs.contracts.monitoring import SECONDS_KEPT_MS, series

Command = tuple[str, ...]
"""Name, key and arguments: the key is always the second word."""

FEED_KEPT: Final = 1_000


def replace(key: str, fields: Mapping[str, str]) -> list[Command]:
    """A hash with these fields and no others."""
    return [("DEL", key), *store(key, fields)]


def store(key: str, fields: Mapping[str, str]) -> list[Command]:
    """Set fields of a hash."""
    return [("HSET", key, *_flat(fields))] if fields else []


def members(key: str, names: Iterable[str]) -> list[Command]:
    """Add members to a set."""
    chosen = tuple(names)
    return [("SADD", key, *chosen)] if chosen else []


def append(key: str, at_ms: int, fields: Mapping[str, str], kept_ms: int) -> Command:
    """An entry of a moment, and of the others only what is not older than ``kept_ms``."""
    return ("XADD", key, "MINID", "~", str(max(0, at_ms - kept_ms)), str(at_ms), *_flat(fields))


def append_of(key: str, entry_id: str, fields: Mapping[str, str], most: int) -> Command:
    """An entry with an id of its own, or ``*``; of the others only the last ones stay."""
    return ("XADD", key, "MAXLEN", "~", str(most), entry_id, *_flat(fields))


def samples(name: str, at_ms: int, fields: Mapping[str, str]) -> list[Command]:
    """The same figures for the TimeSeries module: a series a field, labelled, the last word of a moment counting."""
    return [
        (
            "TS.ADD",
            series(metric, name),
            str(at_ms),
            value,
            "RETENTION",
            str(SECONDS_KEPT_MS),
            "ON_DUPLICATE",
            "LAST",
            "LABELS",
            "metric",
            metric,
            "service",
            name,
        )
        for metric, value in fields.items()
    ]


def _flat(fields: Mapping[str, str]) -> list[str]:
    return [word for pair in fields.items() for word in pair]
