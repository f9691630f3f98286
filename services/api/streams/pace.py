"""How many frames a client may send: a bucket of tokens. Pure."""

from __future__ import annotations


class Bucket:
    """Holds ``size`` tokens and gets ``rate`` a second; times in seconds."""

    def __init__(self, size: float, rate: float, now: float) -> None:
        self._size, self._rate = size, rate
        self._tokens, self._at = size, now

    def take(self, now: float) -> bool:
        """Take a token; False where there is none."""
        self._tokens = min(self._size, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
