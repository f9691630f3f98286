"""What a client of a stream may take of us: time, room and patience."""

from __future__ import annotations

from typing import Final

AUTHENTICATE_WITHIN: Final = 5.0
"""Seconds from the handshake to the frame ``auth`` (004)."""
MESSAGE_BYTES: Final = 64 * 1024
"""Of one message of a client, over all its fragments; more is close code 1009."""
SUBSCRIPTIONS: Final = 1_000
"""On one connection."""
BURST: Final = 2_500
"""Frames that a client may send at once."""
FRAMES_A_SECOND: Final = 50.0
"""That a client may send in the long run; more is close code 4429."""
ID_LENGTH: Final = 1_024
"""Characters of a strategy's id."""
BACKLOG_BYTES: Final = 1024 * 1024
"""Written for a client and not taken by it. Who has more is sent nothing but what it makes room for, out of the frames
that are kept for all; once those are gone, close code 4410."""
STALLED: Final = 5.0
"""Seconds in which a client takes nothing of what waits for it; more is close code 4410."""
GRACE: Final = 60.0
"""Seconds for a client to read on to the close frame, before its connection is cut without it."""
LINGER: Final = 0.5
"""Seconds without a byte, after which a connection is closed that a frame of the client's ended; what comes is left
aside until then."""
LINGER_BYTES: Final = 64 * 1024 * 1024
"""Read and left aside then, before the connection is cut."""
SOCKET_BYTES: Final = 256 * 1024
"""That the kernel may hold for a client besides."""
REPLAY_CHUNK: Final = 128 * 1024
"""Bytes of a replay between two looks at whether the client takes them."""
TOO_SLOW: Final = "too slow a reader; subscribe again with since_seq"
ACCOUNT_BYTES: Final = 64 * 1024 * 1024
"""Of one account's frames that are kept for replay."""
TOTAL_BYTES: Final = 256 * 1024 * 1024
"""Of all accounts' frames that are kept for replay."""
PING_EVERY: Final = 20.0
"""Seconds between two pings."""
PONG_WITHIN: Final = 40.0
"""Seconds from a ping to its pong; more is close code 4410."""
