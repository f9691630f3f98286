"""Header keys that are not UTF-8, which the protocol allows any producer to write and aiokafka fails to read.

aiokafka decodes a whole batch before it hands out the first record, so one such key would stop a partition for
good. Here the batch is decoded once more, leniently, where the usual way failed. The names that this replaces
are private to aiokafka: its version is pinned, and a test reads such a record.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import DefaultRecordBatch, _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy


class _LenientBytes(bytearray):
    def __getitem__(self, at: Any) -> Any:
        got = super().__getitem__(at)
        return _LenientBytes(got) if isinstance(at, slice) else got

    def decode(self, *_: Any, **__: Any) -> str:
        return bytes(self).decode("utf-8", "backslashreplace")


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    def __iter__(self) -> Iterator[Any]:
        self._maybe_uncompress()
        self._buffer: Any = _LenientBytes(self._buffer)
        return self


class _Batch:
    """A batch that falls back to the lenient reading."""

    def __init__(self, inner: Any, raw: bytes) -> None:
        self._inner = inner
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    def __iter__(self) -> Iterator[Any]:
        try:
            return iter(list(self._inner))
        except UnicodeDecodeError:
            return iter(list(_LenientBatch(self._raw)))

    def __next__(self) -> Any:
        return next(self._inner)


class _LenientRecords(_MemoryRecordsPy):  # type: ignore[misc]
    def next_batch(self) -> Any:
        raw = self._next_slice
        batch = super().next_batch()
        return _Batch(batch, raw) if isinstance(batch, DefaultRecordBatch) else batch


def tolerate() -> None:
    """Have every consumer of this process read such keys, what is not UTF-8 in them shown as ``\\xff``."""
    fetcher.MemoryRecords = _LenientRecords
