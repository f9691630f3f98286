"""Ids that are the same on every run over the same input: uuid5 of (topic, partition, offset, index)."""

from __future__ import annotations

from hashlib import sha1
from typing import Final
from uuid import NAMESPACE_URL, uuid5

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "stratafold").bytes
_VARIANT: Final = {digit: "89ab"[int(digit, 16) & 3] for digit in "0123456789abcdef"}


class RecordIds:
    """The ids of what comes of one place's input, which may be a partition (``topic/partition``) or a record of it.

    Index 0 of a record is the log record, 1, 2, 3 … its derived events. Formatted by hand: a third of uuid.uuid5's
    cost.
    """

    __slots__ = ("_begun",)

    def __init__(self, place: str) -> None:
        self._begun = sha1(_NAMESPACE + place.encode() + b"/", usedforsecurity=False)

    def at(self, rest: str) -> str:
        """The uuid5 of (topic, partition, offset, index); ``rest`` is what the place leaves of these, ``7/0``."""
        one = self._begun.copy()
        one.update(rest.encode())
        h = one.hexdigest()
        return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"
