"""``traceparent`` (W3C Trace Context): what joins a request, the input it becomes, and all that follows from that.

A request and a record of an input topic have it as a header, what we write in an envelope as the attribute of
CloudEvents' distributed tracing extension. It is passed on as it came, never made up by who folds: a log record and its
events say the same after a recovery. Only a sampled one is; any other, and one that is malformed or there twice, counts
as none, and nothing is refused for it. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

TRACEPARENT: Final = "traceparent"

_NAME: Final = TRACEPARENT.encode()
_SHAPE: Final = re.compile(rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_NO_TRACE, _NO_PARENT = b"0" * 32, b"0" * 16
_NO_VERSION: Final = b"ff"
_FIRST_VERSION: Final = b"00"
_SAMPLED: Final = 0x01
_KNOWN_FLAGS: Final = 0x03  # sampled, and that the trace's id is random


def declined(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether who sent an HTTP request asks for no trace: by a valid traceparent that is not sampled."""
    values = [value for name, value in headers if name == _NAME]
    return len(values) == 1 and sampled(values[0]) is None and sampled(_as_sampled(values[0])) is not None


def _as_sampled(value: bytes) -> bytes:
    return _SHAPE.sub(rb"\1-\2-\3-01\5", value)


def sampled(value: bytes | None) -> str | None:
    """A sampled traceparent in the form of version 00; None for anything else. A later version is read as 00 is."""
    shape = None if value is None else _SHAPE.fullmatch(value)
    if shape is None:
        return None
    version, trace, parent, flags, more = shape.groups()
    told = int(flags, 16)
    if version == _NO_VERSION or (version == _FIRST_VERSION and more is not None):
        return None
    if trace == _NO_TRACE or parent == _NO_PARENT or not told & _SAMPLED:
        return None
    return f"00-{trace.decode()}-{parent.decode()}-{told & _KNOWN_FLAGS:02x}"


def of_record(headers: Iterable[tuple[str, bytes | None]]) -> str | None:
    """The sampled traceparent of a Kafka record, None where it has none."""
    return _only([value for name, value in headers if name == TRACEPARENT])


def of_request(headers: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The sampled traceparent of an HTTP request, whose headers' names are in lower case; None where it has none."""
    return _only([value for name, value in headers if name == _NAME])


def record_headers(traceparent: str | None) -> list[tuple[str, bytes | None]]:
    """The headers of a Kafka record that pass it on."""
    return [] if traceparent is None else [(TRACEPARENT, traceparent.encode())]


def _only(values: list[bytes | None]) -> str | None:
    return sampled(values[0]) if len(values) == 1 else None
