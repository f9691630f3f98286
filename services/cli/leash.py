"""Starts a process so that it ends with its parent, however that ends: `python -m services.cli.leash PID PACKAGE …`.

So do the processes of `up` with `up`. With KILL as the third word, the end is SIGKILL, for who may be paused by then.
Light on purpose: it is gone as soon as it has become the process proper.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from contextlib import suppress
from typing import Final

_SET_PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG of Linux' prctl; it stays across exec


def main() -> None:
    """Become `python -m PACKAGE …`, to be sent a signal when process PID, our parent, is gone."""
    parent, package, words = int(sys.argv[1]), sys.argv[2], sys.argv[3:]
    last = signal.SIGTERM
    if words[:1] == ["KILL"]:
        last, words = signal.SIGKILL, words[1:]
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, last)
    if os.getppid() != parent:
        sys.exit(0)  # it was gone before we asked to be told
    # without -P a folder called libs or services, where the user happens to be, would be taken for ours
    os.execv(sys.executable, [sys.executable, "-P", "-m", package, *words])  # noqa: S606 - our own interpreter


if __name__ == "__main__":
    main()
