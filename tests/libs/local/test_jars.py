"""The jars' cache: whole and checked or not there, and never fetched twice."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import pytest

from libs.local.errors import LocalStackError
from libs.local.jars import Jar, bring, manifest, missing


def jar(name: str, content: bytes) -> Jar:
    return Jar("org.example", name, "1.0", len(content), hashlib.sha256(content).hexdigest())


CONTENTS = {"one": b"first", "two": b"second" * 1000}
JARS = tuple(jar(name, content) for name, content in CONTENTS.items())


class Repository:
    """Hands out contents by artifact and remembers which were asked for."""

    def __init__(self, contents: dict[str, bytes]) -> None:
        self.contents = contents
        self.asked: list[str] = []

    def fetch(self, wanted: Jar, folder: Path, received: Callable[[int], None]) -> Path:
        self.asked.append(wanted.artifact)
        if wanted.artifact not in self.contents:
            raise OSError("no route to host")
        content = self.contents[wanted.artifact]
        received(len(content))
        (folder / "part").write_bytes(content)
        return folder / "part"


def test_what_is_missing_is_fetched_once_and_its_bytes_are_told(tmp_path: Path) -> None:
    repository, received = Repository(CONTENTS), list[int]()
    bring(missing(JARS, tmp_path), tmp_path, repository.fetch, received.append)
    assert sorted(repository.asked) == ["one", "two"]
    assert sum(received) == sum(map(len, CONTENTS.values()))
    assert {file.name: file.read_bytes() for file in tmp_path.iterdir()} == {
        "one-1.0.jar": CONTENTS["one"],
        "two-1.0.jar": CONTENTS["two"],
    }
    assert missing(JARS, tmp_path) == ()


@pytest.mark.parametrize("damage", [b"", b"firsT", b"first and more"])
def test_a_damaged_one_is_fetched_again_and_the_others_are_not(tmp_path: Path, damage: bytes) -> None:
    bring(JARS, tmp_path, Repository(CONTENTS).fetch, lambda count: None)
    (tmp_path / "one-1.0.jar").write_bytes(damage)
    repository = Repository(CONTENTS)
    bring(missing(JARS, tmp_path), tmp_path, repository.fetch, lambda count: None)
    assert repository.asked == ["one"]
    assert (tmp_path / "one-1.0.jar").read_bytes() == b"first"


def test_one_with_another_content_never_enters_the_cache(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError, match=r"one-1\.0\.jar.*another content"):
        bring(JARS, tmp_path, Repository({**CONTENTS, "one": b"forged"}).fetch, lambda count: None)
    assert not (tmp_path / "one-1.0.jar").exists()
    assert list(tmp_path.glob(".fetching-*")) == []


def test_a_failed_fetch_says_which_why_and_what_to_do_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(LocalStackError) as failure:
        bring(JARS, tmp_path, Repository({"one": b"first"}).fetch, lambda count: None)
    line = str(failure.value)
    assert line.startswith("two-1.0.jar")
    assert "no route to host" in line
    assert str(tmp_path) in line
    assert "STRATAFOLD_KAFKA" in line
    assert "\n" not in line
    assert list(tmp_path.glob(".fetching-*")) == []


def test_a_cache_that_cant_be_made_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(LocalStackError, match="XDG_CACHE_HOME"):
        bring(JARS, tmp_path / "file" / "cache", Repository(CONTENTS).fetch, lambda count: None)


def test_the_manifest_has_the_broker_and_each_jar_once_with_a_whole_hash() -> None:
    jars = manifest()
    assert "kafka_2.13" in {each.artifact for each in jars}
    assert len({each.name for each in jars}) == len(jars)
    assert all(len(each.sha256) == 64 and each.length > 0 for each in jars)
