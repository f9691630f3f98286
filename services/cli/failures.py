"""What ends a command: one line that a user can act on, and an exit status."""

from __future__ import annotations

from typing import Final

NOT_FOUND: Final = 1
WRONG: Final = 2
"""Wrong usage, a wrong setting, or something that is needed is away."""


class Failure(Exception):
    """Ends the command with its text as the one line on stderr, and with ``status``."""

    def __init__(self, text: str, status: int = WRONG) -> None:
        super().__init__(text)
        self.status = status
