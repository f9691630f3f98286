"""Named places where a fault test may end this process the hard way; without the setting they cost a comparison.

``STRATAFOLD_FAILPOINT=after_log:3`` kills the process at the third passage of ``after_log``.
"""

from __future__ import annotations

import os
import signal
from typing import Final

SETTING: Final = "STRATAFOLD_FAILPOINT"
CYCLE: Final = (
    "after_read",
    "amid_log",
    "after_log",
    "amid_events",
    "after_events",
    "before_script",
    "after_script",
    "before_commit",
)
RECOVERY: Final = (
    "recovery_taken",
    "recovery_read",
    "recovery_refolded",
    "recovery_emitted",
    "recovery_written",
    "recovery_sought",
)


class Failpoint:
    """Counts the passages of one armed place, and kills at the one that was asked for."""

    def __init__(self, setting: str = "") -> None:
        name, _, passage = setting.partition(":")
        if name and name not in CYCLE + RECOVERY:
            raise ValueError(f"{SETTING} names no failpoint: {name}")
        self._name = name
        self._left = int(passage or 1)

    @classmethod
    def from_environment(cls) -> Failpoint:
        """The failpoint that the environment arms, if any."""
        return cls(os.environ.get(SETTING, ""))

    def armed(self, name: str) -> bool:
        """Whether this place is the one that is armed; a place without a name never is."""
        return self._name == name != ""

    def passed(self, name: str) -> None:
        """Say that execution has come to a place; the armed passage is the process's last."""
        if self.armed(name):
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
