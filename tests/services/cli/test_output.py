"""Output that can't be written ends a command with status 2, whatever it found, and never with a traceback."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from tests.services.cli.command import COMMAND, ROOT, environment

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"
# A few that need no server: by typer's own printing, by its echo, by bytes, by rich; with status 0 and 1.
COMMANDS = (
    ("--help",),
    ("--version",),
    ("key", "operation", ID),
    ("local", "status"),
    ("local", "status", "--json"),
    ("schemas", "--check", "deploy/schemas"),
)

pytestmark = pytest.mark.parametrize("words", COMMANDS, ids=" ".join)


def _ended(folder: Path, words: tuple[str, ...], shell: str) -> subprocess.CompletedProcess[str]:
    """How a command ended whose streams the shell has put elsewhere."""
    return subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {shell}', "sh", *COMMAND, *words],
        cwd=ROOT,
        env=environment({"STRATAFOLD_DATA": str(folder)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_a_full_device_is_told_in_one_line(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = _ended(tmp_path, words, ">/dev/full")
    assert ended.stderr == f"stratafold: the output can't be written: {os.strerror(28)}\n"
    assert ended.returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no full device")
def test_where_nothing_can_be_said_the_status_says_it(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = _ended(tmp_path, words, ">/dev/full 2>/dev/full")
    assert (ended.returncode, ended.stderr) == (2, "")


def test_closed_output_is_no_success(tmp_path: Path, words: tuple[str, ...]) -> None:
    ended = _ended(tmp_path, words, ">&-")
    assert ended.returncode == 2
    assert ended.stderr.startswith("stratafold: the output can't be written: ")
    assert ended.stderr.count("\n") == 1


def test_a_closed_pipe_ends_it_silently(tmp_path: Path, words: tuple[str, ...]) -> None:
    """Whoever read it has seen enough; that is no difference, and no thing that is not there."""
    read, write = os.pipe()
    os.close(read)
    with subprocess.Popen(
        [*COMMAND, *words],
        cwd=ROOT,
        env=environment({"STRATAFOLD_DATA": str(tmp_path)}),
        stdin=subprocess.DEVNULL,
        stdout=write,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(write)
        _, said = process.communicate(timeout=60)
    assert (process.returncode, said) == (2, b"")


def test_output_that_can_be_written_is(tmp_path: Path, words: tuple[str, ...]) -> None:
    """To a file as well as to a pipe, whole and with the status that the command has."""
    file = tmp_path / "out"
    to_pipe, to_file = _ended(tmp_path, words, ""), _ended(tmp_path, words, f">'{file}'")
    assert to_pipe.stdout == file.read_text()
    assert to_pipe.stdout
    assert (to_pipe.stderr, to_file.stderr) == ("", "")
    assert to_pipe.returncode == to_file.returncode == (1 if "status" in words else 0)
