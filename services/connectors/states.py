"""A connector's log: one line where its state changes, none for the same again."""

from __future__ import annotations

import structlog

log = structlog.get_logger("stratafold.connector")


class States:
    """Tells changes; ``upstream`` names the other side, without any signature."""

    def __init__(self, upstream: str) -> None:
        self._upstream = upstream
        self._last: tuple[str, str] | None = None

    def now(self, state: str, why: str = "", *, warn: bool = False, **more: object) -> None:
        """The state as of now, and why; only a new state or another reason is told."""
        if (state, why) == self._last:
            return
        self._last = (state, why)
        fields = {**({"why": why} if why else {}), **more, "upstream": self._upstream}
        if warn:
            log.warning(state, **fields)
        else:
            log.info(state, **fields)
