"""TCP ports of this machine's loopback interface: which are taken, which can be had."""

from __future__ import annotations

import random
import socket
from typing import Final

HOST: Final = "127.0.0.1"
# Below the ranges from which Linux and macOS give ports to outgoing connections: one found free here stays free.
_FIRST, _LAST = 20_000, 32_000


def taken(port: int) -> bool:
    """Whether another process listens on the port, on loopback or on every interface."""
    with socket.socket() as probe:
        # as servers do, so that connections that are only waiting out their end don't count
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def free_port(*others: int) -> int:
    """A port that nobody listens on, none of `others`. Raises OSError where there is none."""
    candidates = random.sample(range(_FIRST, _LAST), _LAST - _FIRST)
    for port in candidates:
        if port not in others and not taken(port):
            return port
    raise OSError(f"no free port from {_FIRST} to {_LAST}")
