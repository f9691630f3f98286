"""Keeping secrets out of what is written down, by the name of a field and by the look of a text. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

HIDDEN: Final = "***"
_NAMES: Final = re.compile(
    r"secret|passw|token|authorization|cookie|signature|credential|api[_-]?key|master[_-]?key", re.IGNORECASE
)
_LOOKS: Final = (
    (re.compile(r"(whsec_)[A-Za-z0-9+/=_-]+"), r"\1" + HIDDEN),
    (re.compile(r"([a-z][a-z0-9+.-]{0,20}://[^\s/:@\"']*:)[^\s/@\"']+(?=@)", re.IGNORECASE), r"\1" + HIDDEN),
    (re.compile(r"(Bearer\s+)[A-Za-z0-9._~+/=-]+", re.IGNORECASE), r"\1" + HIDDEN),
    (re.compile(r"(sf[ts]_)[A-Za-z0-9_-]{20,}"), r"\1" + HIDDEN),
    (re.compile(r"(v1,)[A-Za-z0-9+/]{43}="), r"\1" + HIDDEN),
)


def redact_fields(fields: Mapping[str, object]) -> dict[str, object]:
    """The same fields with the values of those hidden whose name speaks of a secret, at any depth."""
    return {name: HIDDEN if _NAMES.search(name) else _redact_value(value) for name, value in fields.items()}


def _redact_value(value: object) -> object:
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, Mapping):
        return redact_fields({str(name): inner for name, inner in value.items()})
    if isinstance(value, list | tuple):
        return [_redact_value(inner) for inner in value]
    return value


def redact_text(text: str) -> str:
    """A text without secrets of webhooks and of ours, signatures, passwords in URLs and bearer tokens."""
    for look, instead in _LOOKS:
        text = look.sub(instead, text)
    return text
