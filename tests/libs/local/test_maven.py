"""Maven's local repository serves a jar that it has intact, without the network."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from libs.local import maven
from libs.local.jars import Jar

JAR = Jar("org.example.deep", "thing", "2.1", 4, hashlib.sha256(b"good").hexdigest())


def in_repository(repository: Path, content: bytes) -> None:
    file = repository / "org" / "example" / "deep" / "thing" / "2.1" / "thing-2.1.jar"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)


def test_an_intact_one_is_copied_from_there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setattr(maven, "_download", None)
    in_repository(tmp_path / "m2", b"good")
    received: list[int] = []
    own = tmp_path / "own"
    own.mkdir()
    assert maven.fetch(JAR, own, received.append).read_bytes() == b"good"
    assert received == [4]


def test_a_damaged_one_is_left_aside_and_a_download_is_tried_three_times(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tried: list[Path] = []

    def refused(jar: Jar, folder: Path, received: object) -> Path:
        tried.append(folder)
        raise ConnectionError("refused")

    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setattr(maven, "_download", refused)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    in_repository(tmp_path / "m2", b"bad!")
    with pytest.raises(OSError, match="refused"):
        maven.fetch(JAR, tmp_path, lambda count: None)
    assert len(set(tried)) == 3
