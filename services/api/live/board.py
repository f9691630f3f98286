"""What the page shows as of the last look, and what changed since the one before. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from libs.ledger.letters import Letter
from services.api.live.beside import Row
from services.api.live.items import Item, letter_item, refusal_item

FEED: Final = 200  # lines that stand out, and as many others
LETTERS: Final = 100
_POINTS: Final = 300  # of a chart


@dataclass(slots=True)
class Board:
    """All of it; the feed's lines and the letters are the newest first."""

    services: list[dict[str, Any]] = field(default_factory=list)
    away: dict[str, str | None] = field(default_factory=dict)
    beside: list[Row] = field(default_factory=list)
    agents: list[Mapping[str, Any]] = field(default_factory=list)
    at: int = 0
    _history: dict[str, deque[list[float | None]]] = field(default_factory=dict)
    _feed: list[Item] = field(default_factory=list)
    _letters: dict[bytes, Letter] = field(default_factory=dict)
    _known: set[str] = field(default_factory=set)
    _fresh: list[Item] = field(default_factory=list)
    _letters_changed: bool = False
    _agents_changed: bool = False

    def looked(
        self, at: int, services: list[dict[str, Any]], away: dict[str, str | None], beside: list[Row]
    ) -> None:
        """Take what a look found of services and of what runs beside them; ``at`` in ms since 1970."""
        self.at, self.services, self.away, self.beside = at, services, away, beside
        for row in services:
            points = self._history.setdefault(row["service"], deque(maxlen=_POINTS))
            points.append([at, row["rate"], row["lag"]])

    def told(self, item: Item | None) -> None:
        """Take a line of the feed, each once; what stands out is kept apart, lest what is usual push it out."""
        if item is None or item["id"] in self._known:
            return
        # of those recorded in the same instant, the one read last is the newest
        place = next((n for n, one in enumerate(self._feed) if one["at"] <= item["at"]), len(self._feed))
        self._feed.insert(place, item)
        self._known.add(item["id"])
        self._fresh.append(item)
        alike = [one for one in self._feed if bool(one["mark"]) == bool(item["mark"])]
        for old in alike[FEED:]:
            self._feed.remove(old)
            self._known.remove(old["id"])

    def refused(self, letter: Letter) -> None:
        """Take a dead letter; of equal ones the newest alone is shown, as it alone would be sent again."""
        self.told(refusal_item(letter))
        known = self._letters.get(letter.content)
        if known is not None and known.at > letter.at:
            return
        self._letters[letter.content] = letter
        if len(self._letters) > LETTERS:
            del self._letters[min(self._letters, key=lambda content: self._letters[content].at)]
        self._letters_changed = True

    def followed(self, agents: list[Mapping[str, Any]]) -> None:
        """Take the agents as they are now."""
        self._agents_changed = self._agents_changed or agents != self.agents
        self.agents = agents

    def state(self) -> dict[str, Any]:
        """Everything, for a page that was just opened."""
        return {
            **self._now(),
            "history": {service: list(points) for service, points in self._history.items()},
            "feed": self._feed,
            "letters": self._listed(),
            "agents": self.agents,
        }

    def changes(self) -> dict[str, Any]:
        """What is to be told after a look, by the kind of message; asking forgets it."""
        told: dict[str, Any] = {"services": self._now()}
        if self._fresh:
            told["feed"] = sorted(self._fresh, key=lambda one: one["at"])
        if self._letters_changed:
            told["letters"] = self._listed()
        if self._agents_changed:
            told["agents"] = self.agents
        self._fresh, self._letters_changed, self._agents_changed = [], False, False
        return told

    def _listed(self) -> list[dict[str, Any]]:
        newest = sorted(self._letters.values(), key=lambda one: one.at, reverse=True)
        return [letter_item(one) for one in newest]

    def _now(self) -> dict[str, Any]:
        return {"at": self.at, "away": self.away, "services": self.services, "beside": self.beside}
