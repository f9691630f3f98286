"""The view of `up` in a terminal: a screen of its own while it runs, the last figures on the normal one afterwards."""

from __future__ import annotations

import time
from contextlib import suppress
from types import TracebackType
from typing import Final

from rich.console import Console
from rich.live import Live

from services.cli.problems import Problem
from services.cli.screen import Figured, Scene, Screen

_EVERY: Final = 0.5  # seconds between two drawings


class LiveView:
    """Draws the scene, twice a second at most."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._live = Live(console=console, screen=True, auto_refresh=False, redirect_stderr=False)
        self._last: Scene | None = None
        self._drawn = 0.0

    def __enter__(self) -> LiveView:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # the terminal may be gone
            self._live.stop()
            if self._last is not None:
                self._console.print(Figured(self._last))

    def tell(self, one: Problem) -> None:
        """What happens is in the scene."""

    def draw(self, scene: Scene) -> None:
        """Draw the scene, unless that was done a moment ago."""
        self._last = scene
        if time.monotonic() - self._drawn >= _EVERY:
            self._drawn = time.monotonic()
            self._live.update(Screen(scene), refresh=True)
