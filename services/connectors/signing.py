"""Signatures of 004: HMAC-SHA256 over timestamp (ms), method and path, the path without its query. Pure."""

from __future__ import annotations

import hmac
import json
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit, urlunsplit

API_KEY_HEADER = "X-Api-Key"
TIMESTAMP_HEADER = "X-Timestamp"
SIGNATURE_HEADER = "X-Signature"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An upstream's API key and its secret, which is never shown."""

    api_key: str
    secret: str = field(repr=False)


def sign(secret: str, timestamp: int, method: str, path: str) -> str:
    """The lower-case hex signature under the secret's UTF-8 bytes; ``timestamp`` in ms since 1970."""
    return hmac.new(secret.encode(), f"{timestamp}{method}{path}".encode(), "sha256").hexdigest()


def headers(credentials: Credentials, timestamp: int, path: str) -> dict[str, str]:
    """What a signed GET of a path carries."""
    return {
        API_KEY_HEADER: credentials.api_key,
        TIMESTAMP_HEADER: str(timestamp),
        SIGNATURE_HEADER: sign(credentials.secret, timestamp, "GET", path),
    }


def auth_frame(credentials: Credentials, timestamp: int, path: str) -> str:
    """The first frame of a connection that was opened without a signature."""
    return json.dumps(
        {
            "op": "auth",
            "api_key": credentials.api_key,
            "timestamp": timestamp,
            "signature": sign(credentials.secret, timestamp, "GET", path),
        }
    )


def signed_url(url: str, credentials: Credentials, timestamp: int) -> str:
    """The URL of a connection with the signature in its query, after what the query has already."""
    parts = urlsplit(url)
    query = {
        "api_key": credentials.api_key,
        "timestamp": timestamp,
        "signature": sign(credentials.secret, timestamp, "GET", parts.path or "/"),
    }
    joined = "&".join(part for part in (parts.query, urlencode(query)) if part)
    return urlunsplit((parts.scheme, parts.netloc, parts.path or "/", joined, ""))


class Stamps:
    """Timestamps (ms) that only grow: a signature is good once, so two requests never share a millisecond."""

    def __init__(self) -> None:
        self._last = 0

    def next(self, now: int) -> int:
        """The stamp of a request made now (ms)."""
        self._last = max(now, self._last + 1)
        return self._last
