"""An account's latest frames, kept for those who resume (004). Pure."""

from __future__ import annotations

from enum import Enum

from services.api.streams.frame import Frame


class Standing(Enum):
    """How a number stands to what is kept."""

    KEPT = "all frames after it are kept"
    GONE = "frames after it are kept no longer"
    AHEAD = "no frame has that number yet"
    UNKNOWN = "no frame of the account was seen yet"


class Ring:
    """Frames with consecutive numbers; ``last`` is the number of the latest that there was, None if unknown."""

    def __init__(self) -> None:
        self._frames: list[Frame] = []
        self._begin = 0  # what is before it was let go, and leaves the list now and then
        self.last: int | None = None
        self.bytes = 0

    def append(self, frame: Frame) -> None:
        """Keep a frame. After a number that was passed over, nothing before it can be replayed any more."""
        if self.last is not None and frame.seq != self.last + 1:
            self.forget()
        self._frames.append(frame)
        self.bytes += len(frame.wire)
        self.last = frame.seq

    def assume(self, last: int) -> None:
        """Be told the number of the latest frame, where that was too long ago to be kept."""
        if self.last is None:
            self.last = last

    def forget(self) -> None:
        """Let go of all frames, and of the number."""
        self._frames, self._begin, self.bytes, self.last = [], 0, 0, None

    def standing(self, seq: int) -> Standing:
        """Whether what came after a number can be replayed."""
        if self.last is None:
            return Standing.UNKNOWN
        if seq > self.last:
            return Standing.AHEAD
        return Standing.KEPT if seq >= self.last - self._count() else Standing.GONE

    def after(self, seq: int, most: int) -> list[Frame] | None:
        """The frames after a number, some ``most`` bytes of them and at least one; None where they are gone."""
        if self.last is None or seq >= self.last:
            return []
        index = len(self._frames) - (self.last - seq)
        if index < self._begin:
            return None
        size, end = 0, index
        while end < len(self._frames) and size < most:
            size += len(self._frames[end].wire)
            end += 1
        return self._frames[index:end]

    def evict(self, before: int, most: int) -> None:
        """Let go of what is older than ``before`` (ms), and of the oldest beyond ``most`` bytes."""
        frames, begin = self._frames, self._begin
        while begin < len(frames) and (frames[begin].at < before or self.bytes > most):
            self.bytes -= len(frames[begin].wire)
            begin += 1
        if begin * 2 > len(frames):
            del frames[:begin]
            begin = 0
        self._begin = begin

    def _count(self) -> int:
        return len(self._frames) - self._begin
