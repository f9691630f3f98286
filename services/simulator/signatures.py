"""What an upstream of 004 checks of a signed request: HMAC-SHA256, a window of 30 s, each signature once. Pure."""

from __future__ import annotations

import hmac
from typing import Final

WINDOW_MS: Final = 30_000


class Signatures:
    """The check of one API key; remembers what was used for as long as it could be used again."""

    def __init__(self, api_key: str, secret: str) -> None:
        self._api_key = api_key
        self._secret = secret.encode()
        self._used: dict[str, int] = {}

    def good(self, api_key: str, timestamp: str, signature: str, path: str, now: int) -> bool:
        """Whether a GET of the path is signed as it should be; ``now`` and ``timestamp`` in ms."""
        if not (timestamp.isascii() and timestamp.isdigit()) or abs(now - int(timestamp)) > WINDOW_MS:
            return False
        wanted = hmac.new(self._secret, f"{timestamp}GET{path}".encode(), "sha256").hexdigest()
        same = hmac.compare_digest(wanted.encode(), signature.encode())
        if not same or api_key != self._api_key or signature in self._used:
            return False
        self._used = {one: at for one, at in self._used.items() if now - at <= 2 * WINDOW_MS}
        self._used[signature] = now
        return True
