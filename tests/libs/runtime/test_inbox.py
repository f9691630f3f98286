"""What waits is bounded by all that a sender may make large: values, keys and headers."""

from __future__ import annotations

from typing import Any, Final

import pytest

from libs.ledger.records import InputRecord
from libs.runtime.inbox import Inbox

_MB: Final = 1024 * 1024
_LARGE: Final = b"x" * _MB


class _Source:
    """A consumer of one partition, of which is known whether it was told to pause."""

    def __init__(self) -> None:
        self.paused = False

    def pause(self) -> None:
        self.paused = True

    def resume(self) -> None:
        self.paused = False

    def seek(self, offset: int) -> None:
        """Nothing is fetched here."""


def _opened() -> tuple[Inbox, _Source]:
    source: Any = _Source()
    inbox = Inbox(source, None)
    inbox.reopen(0)
    return inbox, source


def _record(offset: int, part: str) -> InputRecord:
    large: dict[str, Any] = {
        "value": {"key": None, "value": _LARGE},
        "key": {"key": _LARGE, "value": None},
        "header": {"key": None, "value": b"{}", "headers": [("h", _LARGE)]},
        "header's name": {"key": None, "value": b"{}", "headers": [("h" * _MB, None)]},
        "headers": {"key": None, "value": b"{}", "headers": [("", None)] * 20_000},
    }
    return InputRecord(offset, 0, **large[part])


_PARTS: Final = ["value", "key", "header", "header's name", "headers"]


@pytest.mark.parametrize("part", _PARTS)
def test_large_records_have_the_consumer_pause(part: str) -> None:
    inbox, source = _opened()
    inbox.offer([_record(offset, part) for offset in range(3)])
    assert not source.paused
    inbox.offer([_record(offset, part) for offset in range(3, 9)])
    assert source.paused


@pytest.mark.parametrize("part", _PARTS)
def test_large_records_make_a_batch_of_few(part: str) -> None:
    inbox, source = _opened()
    inbox.offer([_record(offset, part) for offset in range(9)])
    assert [len(inbox.take(400)) for _ in range(5)] in ([2, 2, 2, 2, 1], [3, 3, 3, 0, 0])
    assert not source.paused
    assert not inbox.take(400)


def test_small_records_make_whole_batches() -> None:
    inbox, source = _opened()
    inbox.offer(
        [InputRecord(offset, 0, b"key", b"{}", [("traceparent", b"x" * 55)]) for offset in range(999)]
    )
    assert not source.paused
    assert len(inbox.take(400)) == 400


def test_what_was_dropped_weighs_nothing() -> None:
    """Else an inbox that was shut while full would pause for ever, or at once."""
    inbox, source = _opened()
    inbox.offer([_record(offset, "header") for offset in range(9)])
    inbox.shut()
    inbox.reopen(0)
    inbox.offer([_record(offset, "header") for offset in range(7)])
    assert not source.paused
