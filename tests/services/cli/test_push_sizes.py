"""How large what `stratafold push` sends may be: what is too large for a topic is told by file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.settings import load
from services.cli.push import _Job

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
