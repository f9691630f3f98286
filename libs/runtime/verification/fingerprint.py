"""64 bits that stand for a record, so that a million of them fit into memory. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import Any

import msgpack


def fingerprint(
    key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
) -> int:
    """The same number for the same record, byte for byte with its headers in order; order of fields matters."""
    packed: bytes = msgpack.packb([key, value, headers])
    return int.from_bytes(blake2b(packed, digest_size=8).digest(), "little")


def of_entry(entry_id: str, fields: Mapping[str, str]) -> int:
    """The fingerprint of an entry of an append-only stream in Redis."""
    return fingerprint(entry_id.encode(), None, [(name, text.encode()) for name, text in fields.items()])


def of_record(record: Any) -> int:
    """The fingerprint of a record that was read, or is to be appended."""
    return fingerprint(record.key, record.value, record.headers)
