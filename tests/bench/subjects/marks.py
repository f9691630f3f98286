"""What subjects say: the line that tells when one read its first record, as the worker's own log has it, and errors."""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime


class Mark:
    """Says it once."""

    def __init__(self) -> None:
        self._said = False

    def first_read(self) -> None:
        """Call it for each record or batch."""
        if not self._said:
            self._said = True
            line = {"event": "first read", "time": datetime.now(UTC).isoformat(timespec="milliseconds")}
            print(json.dumps(line), file=sys.stderr, flush=True)


def errors_only() -> logging.Logger:
    """A logger for FastStream, which otherwise writes lines for every message: that would cost more than the rest."""
    logging.basicConfig(level=logging.ERROR)
    return logging.getLogger("bench.subject")
