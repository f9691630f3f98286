"""Signatures of requests under an API key, as source 004 has them for REST and WebSocket alike. Pure.

What is signed is ``<timestamp><METHOD><path>``, the path without its query, by HMAC-SHA256 under the UTF-8 bytes of the
secret as it was printed; what is sent is the digest in lower-case hex.
"""

from __future__ import annotations

import hmac
import re
from typing import Final

WINDOW_MS: Final = 30_000  # into the past and into the future
_TIMESTAMP: Final = re.compile(r"[0-9]{1,15}")
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}")


def sign(secret: str, timestamp: int | str, method: str, path: str) -> str:
    """The signature of a request; ``timestamp`` in ms since 1970, ``path`` with or without a query."""
    text = f"{timestamp}{method.upper()}{path.partition('?')[0]}"
    # a path may hold whatever bytes were sent; what is no text must not raise here
    return hmac.digest(_octets(secret), _octets(text), "sha256").hex()


def stale(timestamp: object, now_ms: float) -> str | None:
    """Why a timestamp can't be taken, None where it can. A number counts as its digits; never raises."""
    digits = written(timestamp)
    if digits is None:
        return "the timestamp is not a number of milliseconds since 1970"
    off = now_ms - int(digits)
    if abs(off) > WINDOW_MS:
        return f"the timestamp is more than {WINDOW_MS // 1000} s in the {'past' if off > 0 else 'future'}"
    return None


def written(timestamp: object) -> str | None:
    """The digits that a timestamp is signed as; None where it has none. Takes a text or an integer."""
    if isinstance(timestamp, int) and not isinstance(timestamp, bool):
        if not 0 <= timestamp < 10**15:
            return None
        return str(timestamp)
    if isinstance(timestamp, str) and _TIMESTAMP.fullmatch(timestamp):
        return timestamp
    return None


def well_formed(signature: object) -> bool:
    """Whether this can be a signature at all: 64 lower-case hex digits, so that each has one spelling."""
    return isinstance(signature, str) and _SIGNATURE.fullmatch(signature) is not None


def matches(secret: str, timestamp: object, signature: object, method: str, path: str) -> bool:
    """Whether the secret's owner signed this; time tells nothing about how close it came. Never raises."""
    digits = written(timestamp)
    if digits is None or not isinstance(signature, str):
        return False
    return hmac.compare_digest(sign(secret, digits, method, path).encode(), _octets(signature))


def _octets(text: str) -> bytes:
    return text.encode(errors="surrogatepass")
