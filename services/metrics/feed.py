"""Which of the latest events the feed keeps: of each service its own latest, however much the others tell. Pure."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from libs.contracts.monitoring import FEED
from services.metrics.commands import Command, entry_of, remove

KEPT: Final = 200  # of a service


class Feed:
    """Knows the entries that are there, in their order: each its id and its service."""

    def __init__(self, known: Iterable[tuple[str, str]] = ()) -> None:
        self._of: defaultdict[str, deque[str]] = defaultdict(deque)
        self._last = (0, 0)
        for entry_id, service in known:
            self._of[service].append(entry_id)
            at, _, number = entry_id.partition("-")
            self._last = int(at), int(number)

    def add(self, now_ms: int, came: Sequence[Mapping[str, str]]) -> list[Command]:
        """Take up what came, and leave of each service the last ``KEPT`` alone."""
        commands = []
        for entry in _latest(came):
            at, number = self._last
            self._last = (now_ms, 0) if now_ms > at else (at, number + 1)
            entry_id = "{}-{}".format(*self._last)
            self._of[entry["service"]].append(entry_id)
            commands.append(entry_of(FEED, entry_id, entry))
        return [*commands, *remove(FEED, self._surplus())]

    def _surplus(self) -> list[str]:
        return [ids.popleft() for ids in self._of.values() for _ in range(len(ids) - KEPT)]


def _latest(came: Sequence[Mapping[str, str]]) -> list[Mapping[str, str]]:
    """Of a crowd as much as will be kept."""
    seen: Counter[str] = Counter()
    kept = []
    for entry in reversed(came):
        seen[entry["service"]] += 1
        if seen[entry["service"]] <= KEPT:
            kept.append(entry)
    return kept[::-1]
