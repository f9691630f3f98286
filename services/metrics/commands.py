"""What a look comes to, as the Redis commands that write it. Pure; the names are without a namespace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Final, TypeVar

from libs.contracts.monitoring import SECONDS_KEPT_MS, series

Command = tuple[str, ...]
"""Name, key and arguments: the key is always the second word."""

T = TypeVar("T")

_AT_ONCE: Final = 500  # members or fields of one command: a script can pass on no more than some 8,000 words


def replace(key: str, fields: Mapping[str, str]) -> list[Command]:
    """A hash with these fields and no others."""
    return [("DEL", key), *store(key, fields)]


def store(key: str, fields: Mapping[str, str]) -> list[Command]:
    """Set fields of a hash."""
    return [("HSET", key, *_flat(some)) for some in _some(fields.items())]


def members(key: str, names: Iterable[str]) -> list[Command]:
    """Add members to a set."""
    return [("SADD", key, *some) for some in _some(names)]


def append(key: str, at_ms: int, fields: Mapping[str, str], kept_ms: int) -> Command:
    """An entry of a moment, and of the others only what is not older than ``kept_ms``."""
    return ("XADD", key, "MINID", "~", str(max(0, at_ms - kept_ms)), str(at_ms), *_flat(fields.items()))


def append_of(key: str, entry_id: str, fields: Mapping[str, str], most: int) -> Command:
    """An entry with an id of its own; of the others only the last ones stay."""
    return ("XADD", key, "MAXLEN", "~", str(most), entry_id, *_flat(fields.items()))


def entry_of(key: str, entry_id: str, fields: Mapping[str, str]) -> Command:
    """An entry with an id of its own; the others stay."""
    return ("XADD", key, entry_id, *_flat(fields.items()))


def remove(key: str, entry_ids: Iterable[str]) -> list[Command]:
    """Entries of a stream no longer wanted."""
    return [("XDEL", key, *some) for some in _some(entry_ids)]


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


def _some(of: Iterable[T]) -> Iterator[list[T]]:
    """All of them, some at a time."""
    left = iter(of)
    while some := list(islice(left, _AT_ONCE)):
        yield some


def _flat(fields: Iterable[tuple[str, str]]) -> list[str]:
    return [word for pair in fields for word in pair]
