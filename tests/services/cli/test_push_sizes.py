"""How large what `stratafold push` sends may be: what is too large for a topic is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.ledger.records import Outgoing
from libs.settings import load
from services.cli.push import _chunks, _Job, _Ready

KIB = 1024


def _sent(service: str, folder: Path, *values: str) -> list[bytes | None]:
    file = folder / "documents.json"
    file.write_text("\n".join(values))
    ready = _Job(load(), service, None, raw=False)._records([file], lambda _: None)
    return [one.record.value for one in ready]


@pytest.mark.parametrize(
    ("service", "size", "taken"),
    [
        ("instruments", 256 * KIB, True),
        ("instruments", 256 * KIB + 1, False),
        ("operations", 256 * KIB + 1, True),
        ("operations", 2 * KIB * KIB, True),
        ("operations", 2 * KIB * KIB + 1, False),
    ],
)
def test_what_no_worker_could_refuse_is_not_sent(
    service: str, size: int, taken: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A worker refuses visibly what is over 256 KiB; instruments have none."""
    start = '{"id": "663a258c-5e7c-456f-9759-73e02db8b5d9", "symbol": "S", "x": "'
    large = start + "0" * (size - len(start) - 2) + '"}'
    small = start + '"}'
    sent = _sent(service, tmp_path, small, large, small)
    assert len(sent) == 2 + taken
    said = capsys.readouterr().err
    assert (said == "") is taken
    assert taken or f"documents.json:2: {size} bytes, more than" in said


@pytest.mark.parametrize(("size", "together"), [(100, 2_000), (1_000_000, 9)])
def test_no_more_is_sent_together_than_can_be_held(size: int, together: int) -> None:
    """2,000 records, or as many as have 8 MiB; in their order, and none left out."""
    ready = [_Ready(0, Outgoing(0, None, b"0" * size), str(number)) for number in range(together * 2 + 1)]
    chunks = list(_chunks(ready))
    assert [len(chunk) for chunk in chunks] == [together, together, 1]
    assert [one for chunk in chunks for one in chunk] == ready


def test_a_line_longer_than_any_record_is_refused_once(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As a raw line or as JSON; the lines after it keep their numbers."""
    file = tmp_path / "lines"
    file.write_bytes(b'{"a":1}\n{"a": "' + b"0" * 9_000_000 + b'"}\nx\n')
    raw = _Job(load(), "agents", "agent-1", raw=True)
    assert [one.place for one in raw._records([file], lambda _: None)] == [f"{file}:1", f"{file}:3"]
    assert capsys.readouterr().err == f"stratafold: {file}:2: longer than any topic takes\n"
    told = _Job(load(), "agents", "agent-1", raw=False)
    assert [one.place for one in told._records([file], lambda _: None)] == [f"{file}:1"]
    assert told.refused == 1
