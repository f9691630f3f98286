"""An example of everything that goes through topics: messages in, log records, derived events, documents, dead letters.

They lie beside this file as JSON, and are what the folds make of one another: ``python -m tests.contracts.examples``
writes them anew.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

Json = dict[str, Any]

FILE: Final = Path(__file__).with_suffix(".json")


@dataclass(frozen=True, slots=True)
class Examples:
    """By topic and message what comes in; by service a log record, a document and a dead letter; events by their name.

    A dead letter is ``{"headers": {…}, "payload": …}``, the headers as text.
    """

    inputs: dict[str, dict[str, Json]]
    log: dict[str, Json]
    events: dict[str, Json]
    state: dict[str, Json]
    dead: dict[str, Json]


@cache
def examples() -> Examples:
    """All of them, not to be changed."""
    return Examples(**json.loads(FILE.read_text(encoding="utf-8")))
