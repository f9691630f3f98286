"""`up` as a person runs it: the demo is folded, what dies is started again, and nothing is left behind."""

from __future__ import annotations

import json
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from libs.local.ports import free_port
from tests.services.cli.command import run
from tests.services.cli.up import Up, own_settings

pytestmark = pytest.mark.real


@pytest.fixture
def settings(tmp_path: Path) -> dict[str, str]:
    """A folder and ports of the test's own."""
    return own_settings(tmp_path / "data")


@pytest.fixture
def up(settings: dict[str, str], tmp_path: Path) -> Iterator[Up]:
    """A demo, ended by force where the test failed."""
    running = Up(settings, tmp_path / "up.out", "--demo")
    yield running
    running.end()
    run(settings, "local", "down")


def _until(up: Up, seconds: float, what: str, settings: dict[str, str], least: int) -> None:
    """Wait until so many inputs are folded."""
    end = time.monotonic() + seconds
    while True:
        assert up.process.poll() is None, up.said
        status = run(settings, "status", "--json")
        if status.status == 0:
            rows = [row for one in status.json["services"].values() for row in one["partitions"]]
            if all(row["ready"] for row in rows) and _folded(rows) >= least:
                return
        assert time.monotonic() < end, f"{what}: {status.out!r} {status.err}\n{up.said}"
        time.sleep(0.5)


def _folded(rows: list[dict[str, dict[str, int]]]) -> int:
    return sum(row["counters"].get("applied_total", 0) for row in rows)


def test_the_demo_is_folded_what_dies_starts_again_and_ctrl_c_leaves_nothing(
    up: Up, settings: dict[str, str]
) -> None:
    _until(up, 60, "the demo", settings, 30)
    worker = up.child("services.operations")
    assert worker is not None
    worker.kill()
    _until(up, 60, "after the worker's death", settings, 60)
    again = up.child("services.operations")
    assert again is not None
    assert again.pid != worker.pid

    data = Path(settings["STRATAFOLD_DATA"])
    family = [
        *up.family(),
        *(psutil.Process(json.loads(f.read_text())["pid"]) for f in data.glob("run/*.json")),
    ]
    assert len(family) >= 16  # fourteen processes, Kafka, Redis
    began = time.monotonic()
    os.killpg(up.process.pid, signal.SIGINT)  # as a terminal does: to the whole foreground group
    assert up.process.wait(60) == 0, up.said
    assert time.monotonic() - began < 45
    assert [one for one in family if one.is_running() and one.status() != psutil.STATUS_ZOMBIE] == []
    assert "killed by SIGKILL" in up.said
    assert "applied=" in up.said
    assert "Traceback" not in up.said
    assert "Coordinator" not in up.said  # what Kafka's client says of a first start is for the log files


def test_the_end_of_up_by_force_is_the_end_of_its_processes(up: Up, settings: dict[str, str]) -> None:
    _until(up, 60, "the demo", settings, 1)
    family = up.family()
    children = [one for one in family if any(word.startswith("services.") for word in one.cmdline())]
    assert len(children) == 15
    up.process.kill()
    up.process.wait(60)
    gone, alive = psutil.wait_procs(children, timeout=60)
    assert alive == []
    assert len(gone) == 15


def _at_work(settings: dict[str, str], out: Path) -> Up:
    """An `up` of one worker that has started it, and so its servers before."""
    up = Up(settings, out, "--only", "operations")
    end = time.monotonic() + 60
    while "started (pid" not in up.said:
        assert up.process.poll() is None, up.said
        assert time.monotonic() < end, up.said
        time.sleep(0.2)
    return up


def _stopped(up: Up) -> str:
    """What it said until its end by Ctrl-C."""
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(60) == 0, up.said
    return up.said


def _running(settings: dict[str, str]) -> dict[str, int | None]:
    """The local servers' process ids."""
    said = run(settings, "local", "status", "--json").json
    return {name: said[name]["pid"] for name in ("kafka", "redis")}


def test_what_an_up_left_that_was_killed_is_the_next_one_s(settings: dict[str, str], tmp_path: Path) -> None:
    """It is used as it is, and stopped with it; until then it is there to be seen."""
    first = _at_work(settings, tmp_path / "first")
    try:
        first.process.kill()
        first.process.wait(60)
        servers = _running(settings)
        assert all(servers.values())
        second = _at_work(settings, tmp_path / "second")
        try:
            assert _running(settings) == servers
            assert "stopped Redis and Kafka" in _stopped(second)
            assert "left running" not in second.said
            assert _running(settings) == {"kafka": None, "redis": None}
        finally:
            second.end()
    finally:
        first.end()
        run(settings, "local", "down")


def test_what_local_up_started_is_left_running_and_told(settings: dict[str, str], tmp_path: Path) -> None:
    assert run(settings, "local", "up").status == 0
    try:
        servers = _running(settings)
        up = _at_work(settings, tmp_path / "up")
        try:
            *_, left, last = _stopped(up).splitlines()
            assert left.startswith("left running: Redis and Kafka, ")
            assert last == "stopped"
            assert _running(settings) == servers
        finally:
            up.end()
    finally:
        run(settings, "local", "down")


@pytest.mark.parametrize("name", ["STRATAFOLD_GATEWAY_PORT", "STRATAFOLD_API_PORT"])
def test_a_port_in_use_is_told_before_anything_starts(settings: dict[str, str], name: str) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", int(settings[name])))
        holder.listen()
        ended = run(settings, "up", "--demo")
    assert ended.status == 2
    assert settings[name] in ended.line
    assert name in ended.line
    assert not Path(settings["STRATAFOLD_DATA"]).exists()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("STRATAFOLD_GATEWAY_PORT", "STRATAFOLD_API_PORT"),
        ("STRATAFOLD_LOCAL_REDIS_PORT", "STRATAFOLD_API_PORT"),
    ],
)
def test_two_ports_alike_are_told_before_anything_starts(
    settings: dict[str, str], one: str, other: str
) -> None:
    ended = run({**settings, other: settings[one]}, "up", "--demo")
    assert ended.status == 2
    assert f"{one} and {other} are both {settings[one]}" in ended.line
    assert not Path(settings["STRATAFOLD_DATA"]).exists()


def test_where_every_process_has_a_wrong_setting_up_says_so_and_ends(settings: dict[str, str]) -> None:
    elsewhere = {
        **settings,
        "STRATAFOLD_KAFKA": f"127.0.0.1:{free_port()}",
        "STRATAFOLD_REDIS": f"redis://127.0.0.1:{free_port()}/0",
    }
    ended = run(elsewhere, "up", "--only", "gateway")
    assert ended.status == 2
    assert "STRATAFOLD_WEBHOOK_SECRETS" in ended.line
