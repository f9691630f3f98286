"""Foreign text made fit to be shown. Pure."""

from __future__ import annotations

import re
from typing import Final

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text in one line, with whatever could steer a terminal, or turn its direction, written as an escape."""
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
