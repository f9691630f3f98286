"""The partition of a key, as Kafka's default partitioner (murmur2) has it."""

from __future__ import annotations

from functools import lru_cache
from struct import unpack_from

_M = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(key: bytes) -> int:
    """Hash a key as Kafka's Java client does; an unsigned 32-bit number."""
    size = len(key)
    words = size >> 2
    h = 0x9747B28C ^ size
    for k in unpack_from(f"<{words}I", key):
        k = k * _M & _MASK
        h = h * _M & _MASK ^ (k ^ k >> 24) * _M & _MASK
    tail = key[words << 2 :]
    if tail:
        h = (h ^ int.from_bytes(tail, "little")) * _M & _MASK
    h = (h ^ h >> 13) * _M & _MASK
    return h ^ h >> 15


@lru_cache(maxsize=65_536)
def partition_of(key: str, partitions: int) -> int:
    """The partition (0 to partitions - 1) of a routing key's UTF-8 bytes."""
    return (murmur2(key.encode()) & 0x7FFFFFFF) % partitions
