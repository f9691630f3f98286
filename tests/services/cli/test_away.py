"""Where Kafka or Redis is away, or something typed is wrong: one line, status 2, within seconds, no traceback."""

from __future__ import annotations

import json
import re
import time
from pathlib import Path

import pytest

from libs.local.ports import free_port
from tests.services.cli.command import COMMAND, environment, run

ID = "663a258c-5e7c-456f-9759-73e02db8b5d9"


@pytest.fixture
def nowhere(tmp_path: Path) -> dict[str, str]:
    """Settings that lead to servers that are not there."""
    port = free_port()
    return {
        "STRATAFOLD_KAFKA": f"127.0.0.1:{port}",
        "STRATAFOLD_REDIS": f"redis://127.0.0.1:{free_port(port)}/0",
        "STRATAFOLD_DATA": str(tmp_path),
    }


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("show", "operation", ID), "Redis"),
        (("history", "operation", ID), "Redis"),
        (("status",), "Redis"),
        (("topics", "create"), "Kafka"),
        (("push", "operations.in", "-"), "Kafka"),
        (("dead", "list"), "Kafka"),
        (("dead", "show", "operations.in/0/0"), "Kafka"),
        (("dead", "redrive", "--yes"), "Kafka"),
    ],
)
def test_a_server_that_is_away_is_named_in_one_line(
    nowhere: dict[str, str], words: tuple[str, ...], named: str
) -> None:
    began = time.monotonic()
    ended = run(nowhere, *words, given=b"{}")
    assert ended.status == 2
    assert named in ended.line
    assert time.monotonic() - began < 60  # seconds where the machine is busy, never a hang


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("show", "order", ID), "operation, execution"),
        (("show", "foo", "x"), "operation, execution"),
        (("show", "version", "x"), "the id of the version is not a UUID"),
        (("history", "version", ID, "--strategy", "x"), "--strategy is not a UUID"),
        (("worker", "orders"), "orders"),
        (("up", "--only", "orders"), "orders"),
        (("push", "orders.in", "-"), "orders.in"),
        (("push", "operations.in", "/dev"), "/dev: that is a folder, not a file"),
        (("push", "operations.in", "/not/there"), "/not/there: there is no such file"),
        (("push", "operations.in", "a" * 300), f"{'a' * 300}: File name too long"),
    ],
)
def test_what_is_typed_wrong_is_named_in_one_line(
    nowhere: dict[str, str], words: tuple[str, ...], named: str
) -> None:
    ended = run(nowhere, *words)
    assert ended.status == 2
    assert named in ended.line


def test_a_key_needs_no_server(nowhere: dict[str, str]) -> None:
    assert run(nowhere, "key", "operation", ID).out == f"{{operations.3}}:operation:{ID}\n".encode()
    assert json.loads(run(nowhere, "key", "operation", ID, "--json").out) == {
        "key": f"{{operations.3}}:operation:{ID}"
    }


def test_the_version_is_told() -> None:
    ended = run({}, "--version")
    assert (ended.status, ended.err) == (0, "")
    assert re.fullmatch(rb"stratafold \d+\.\d+\.\d+\S*\n", ended.out)


@pytest.mark.parametrize("words", [("local", "up"), ("up",), ("local", "status")], ids=" ".join)
def test_a_folder_that_the_servers_could_not_name_is_refused(tmp_path: Path, words: tuple[str, ...]) -> None:
    """With a line break in it, say; and nothing of it is made."""
    ended = run({"STRATAFOLD_DATA": f"{tmp_path}/a\nb"}, *words)
    assert ended.status == 2
    assert ended.line.startswith("stratafold: STRATAFOLD_DATA: must be a path")
    assert list(tmp_path.iterdir()) == []


def test_every_command_tells_what_it_does() -> None:
    words = [
        "up",
        "worker",
        "gateway",
        "push",
        "show",
        "history",
        "key",
        "status",
        "topics",
        "dead",
        "local",
        "api",
        "metrics",
    ]
    for word in [
        [],
        *([one] for one in words),
        ["dead", "redrive"],
        ["topics", "create"],
        ["token", "create"],
        ["api-key", "revoke"],
    ]:
        ended = run({}, *word, "--help")
        assert ended.status == 0, (COMMAND, environment({}).get("PATH"), ended.err)
        assert b"Usage" in ended.out
