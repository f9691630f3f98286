"""One WebSocket connection to an upstream: how it is opened, and what its end means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidURI

from services.connectors.frames import MAX_BYTES

TOO_LARGE = 1009


class Lost(Exception):
    """The connection ended or was not made; ``too_large``: on a frame over the bound."""

    def __init__(self, why: str, *, too_large: bool = False) -> None:
        super().__init__(why)
        self.too_large = too_large


@dataclass(frozen=True, slots=True)
class Patience:
    """All in seconds; a connection that answers no ping is given up."""

    opening: float = 10.0
    ping_every: float = 20.0
    pong_within: float = 20.0
    ack_within: float = 10.0
    closing: float = 2.0


def open_line(url: str, loopback: bool, patience: Patience) -> connect:
    """A connection, to be entered with ``async with``; raises what ``lost`` tells."""
    options: dict[str, Any] = {"proxy": None} if loopback else {}
    return connect(
        url,
        max_size=MAX_BYTES,
        open_timeout=patience.opening,
        ping_interval=patience.ping_every,
        ping_timeout=patience.pong_within,
        close_timeout=patience.closing,
        user_agent_header="stratafold",
        **options,
    )


FAILURES = (ConnectionClosed, InvalidHandshake, InvalidURI, OSError, TimeoutError, EOFError)


def lost(why: BaseException) -> Lost:
    """One of the failures, in words that hold no URL: there may be a signature in it."""
    if isinstance(why, ConnectionClosed):
        close = why.rcvd or why.sent
        code = None if close is None else close.code
        ours = why.sent is not None and why.sent.code == TOO_LARGE
        said = "without a word" if close is None else f"with {close.code} {close.reason[:80]}".rstrip()
        return Lost(f"the connection was closed {said}", too_large=ours or code == TOO_LARGE)
    if isinstance(why, InvalidHandshake):
        status = getattr(getattr(why, "response", None), "status_code", None)
        told = f"status {status}" if status is not None else type(why).__name__
        return Lost(f"the upstream refused the connection: {told}")
    if isinstance(why, TimeoutError):
        return Lost("no answer in time")
    if isinstance(why, OSError):
        return Lost(why.strerror or type(why).__name__)
    return Lost(type(why).__name__)
