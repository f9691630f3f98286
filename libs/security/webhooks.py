"""Signatures of webhooks as the Standard Webhooks specification has them, symmetric scheme ``v1``. Pure.

What is signed is ``<id>.<timestamp>.<body>``, by HMAC-SHA256 under the decoded secret; what is sent is
``v1,<base64>``, several of them with spaces between. All header values are bytes, as they came.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import b64encode
from collections.abc import Sequence
from typing import Final

ID_HEADER: Final = "webhook-id"
TIMESTAMP_HEADER: Final = "webhook-timestamp"
SIGNATURE_HEADER: Final = "webhook-signature"
TOLERANCE: Final = 300  # seconds, into the past and into the future
MAX_ID: Final = 1_024  # bytes
MAX_SIGNATURES: Final = 8 * 1_024  # bytes

_PREFIX: Final = "whsec_"
_VERSION: Final = b"v1,"
_SECRET_BYTES: Final = 32
_TIMESTAMP: Final = re.compile(rb"[0-9]{1,12}")


class BadSignature(Exception):
    """A webhook whose sender can't be believed; the text names the header at fault, never what was expected."""


def make_secret() -> str:
    """A new secret, ``whsec_`` and the base64 of 32 random bytes."""
    return _PREFIX + b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def sign(key: bytes, webhook_id: str, timestamp: int, body: bytes) -> str:
    """The ``webhook-signature`` of a body under a decoded secret; ``timestamp`` in seconds since 1970."""
    return (_VERSION + _mac(key, webhook_id.encode(), str(timestamp).encode(), body)).decode()


def verify(
    keys: Sequence[bytes],
    webhook_id: bytes | None,
    timestamp: bytes | None,
    signatures: bytes | None,
    body: bytes,
    now: float,
) -> None:
    """Believe a webhook that any of the keys has signed, at a time near ``now`` (seconds since 1970).

    Raises BadSignature and nothing else, whatever the headers hold; None is a header that is missing.
    """
    if not webhook_id:
        raise BadSignature(f"{ID_HEADER} is missing")
    if len(webhook_id) > MAX_ID:
        raise BadSignature(f"{ID_HEADER} is longer than {MAX_ID} bytes")
    if not timestamp:
        raise BadSignature(f"{TIMESTAMP_HEADER} is missing")
    if not _TIMESTAMP.fullmatch(timestamp):
        raise BadSignature(f"{TIMESTAMP_HEADER} is not a number of seconds since 1970")
    off = now - int(timestamp)
    if abs(off) > TOLERANCE:
        raise BadSignature(
            f"{TIMESTAMP_HEADER} is more than {TOLERANCE} s in the {'past' if off > 0 else 'future'}"
        )
    if not signatures:
        raise BadSignature(f"{SIGNATURE_HEADER} is missing")
    if len(signatures) > MAX_SIGNATURES:
        raise BadSignature(f"{SIGNATURE_HEADER} is longer than {MAX_SIGNATURES} bytes")
    given = [one[len(_VERSION) :] for one in signatures.split(b" ") if one.startswith(_VERSION)]
    if not given:
        raise BadSignature(f"{SIGNATURE_HEADER} has no signature of version v1")
    # Every pair is compared to its end, so that time tells nothing about which key or signature came close.
    matches = 0
    for key in keys:
        expected = _mac(key, webhook_id, timestamp, body)
        for one in given:
            matches += hmac.compare_digest(expected, one)
    if not matches:
        raise BadSignature(f"{SIGNATURE_HEADER} matches none of the secrets")


def _mac(key: bytes, webhook_id: bytes, timestamp: bytes, body: bytes) -> bytes:
    return b64encode(hmac.digest(key, b"%b.%b.%b" % (webhook_id, timestamp, body), "sha256"))
