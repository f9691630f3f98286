"""Telling a fact that was seen before, whatever the order of its keys and its white space."""

from __future__ import annotations

from hashlib import sha1
from typing import Final

import orjson

from libs.ledger.reading import Document

SIZE: Final = 16


def digest(document: Document) -> bytes:
    """128 bits of the canonical JSON; equal for JSON-equal documents."""
    return sha1(orjson.dumps(document, option=orjson.OPT_SORT_KEYS), usedforsecurity=False).digest()[:SIZE]


def holds(digests: bytes, one: bytes) -> bool:
    """Whether ``one`` is among the digests, which are kept end to end."""
    at = digests.find(one)
    while at >= 0 and at % SIZE:
        at = digests.find(one, at + 1)
    return at >= 0
