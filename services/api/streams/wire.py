"""A WebSocket text frame as it goes over the wire (RFC 6455), made once for all who get it. Pure.

A server's frames are not masked, and we negotiate no compression: every client gets the same bytes.
"""

from __future__ import annotations

import struct
from typing import Final

_TEXT: Final = 0x81  # final fragment, opcode 1
_SHORT, _LONG = 126, 65_536


def text_frame(payload: bytes) -> bytes:
    """The frame of a message; ``payload`` is UTF-8."""
    size = len(payload)
    if size < _SHORT:
        return struct.pack("!BB", _TEXT, size) + payload
    if size < _LONG:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload
