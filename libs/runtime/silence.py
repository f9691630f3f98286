"""How long a consumer has had no answer to its fetches, told from what it looks like at each glance."""

from __future__ import annotations

from collections.abc import Hashable, Mapping


class FetchSilence:
    """Counts for each partition since its answer was last seen to change while it was fetched; times are monotonic.

    What an answer is marked with is only compared: the client dates it by a clock that may be set. A partition that was
    not fetched at the last glance, since it was paused or somebody else's, begins anew: its last answer is long past.
    So does one that never had an answer.
    """

    def __init__(self) -> None:
        self._seen: dict[Hashable, tuple[float | None, float]] = {}  # the mark, and since when

    def look(self, answers: Mapping[Hashable, float | None], now: float) -> float:
        """The longest silence in seconds; ``answers`` has each fetched partition's mark, None before the first."""
        seen = {}
        for partition, mark in answers.items():
            before, since = self._seen.get(partition, (mark, now))
            seen[partition] = mark, since if mark == before else now
        self._seen = seen
        return max((now - since for _, since in seen.values()), default=0.0)
