"""Close codes and error codes of the streams, as the public contract has them."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Close(IntEnum):
    """Why a connection is closed."""

    BINARY = 1003
    INTERNAL = 1011
    TRY_AGAIN_LATER = 1013
    """Nobody can say now whether the authentication is good, or what can be replayed."""
    AUTHENTICATION = 4401
    NO_AUTHENTICATION = 4408
    TOO_SLOW = 4410
    TOO_MANY = 4429


class Code(StrEnum):
    """Why a frame was not done; the connection stays."""

    BAD_FRAME = "BAD_FRAME"
    UNKNOWN_OP = "UNKNOWN_OP"
    UNKNOWN_CHANNEL = "UNKNOWN_CHANNEL"
    INVALID_ID = "INVALID_ID"
    INVALID_SINCE_SEQ = "INVALID_SINCE_SEQ"
    TOO_MANY_SUBSCRIPTIONS = "TOO_MANY_SUBSCRIPTIONS"
    REPLAY_UNAVAILABLE = "REPLAY_UNAVAILABLE"
