"""``python -m services.simulator``: files that can be pushed, options that can't be, and a clean end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import orjson
import pytest

from services.simulator.__main__ import main
from tests.services.simulator.folding import intake


def test_files_hold_one_document_a_line_and_repeat_with_the_seed(tmp_path: Path) -> None:
    """One file a webhook; the same options write the same bytes."""
    options = ["--seed", "1", "--count", "600", "--broken", "0.1"]
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        assert main([*options, "--to-file", str(tmp_path / folder / "demo.jsonl")]) == 0
    for name in ("demo.operations.jsonl", "demo.executions.jsonl"):
        lines = (tmp_path / "a" / name).read_bytes().splitlines()
        assert len(lines) > 100
        for line in lines:
            assert isinstance(orjson.loads(line)["id"], str)
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()


def test_one_webhook_alone_goes_to_the_named_file(tmp_path: Path) -> None:
    """With --webhook all of --count are of that webhook."""
    file = tmp_path / "only"
    options = ["--seed", "1", "--count", "100", "--broken", "0", "--webhook", "executions"]
    assert main([*options, "--to-file", str(file)]) == 0
    lines = file.read_bytes().splitlines()
    assert len(lines) == 100
    assert all(intake("executions", line).invalid is None for line in lines)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--rate", "0"], "rate"),
        (["--rate", "quick"], "--rate"),
        (["--count", "0"], "--count"),
        (["--start", "2026-01-01T00:00:00"], "--start"),
        (["--gateway", "127.0.0.1:8001"], "--gateway"),
        (["--broken", "2"], "broken"),
        (["--to-file", "x"], "--count"),
        (["--count", "1", "--to-file", "/nowhere/x"], "/nowhere"),
        (["--no-such-option"], "--no-such-option"),
    ],
)
def test_wrong_options_end_in_one_line_and_status_2(
    options: list[str], said: str, capfd: pytest.CaptureFixture[str]
) -> None:
    """The line names the option at fault."""
    assert main(options) == 2
    lines = capfd.readouterr().err.splitlines()
    assert len(lines) == 1
    assert said in lines[0]


def test_without_a_secret_it_says_which_setting_is_missing(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Webhooks can't be signed without one."""
    monkeypatch.delenv("STRATAFOLD_WEBHOOK_SECRETS", raising=False)
    assert main(["--count", "1"]) == 2
    assert "STRATAFOLD_WEBHOOK_SECRETS" in capfd.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_cleanly(number: signal.Signals) -> None:
    """Status 0, soon, and with a last account; here while no gateway answers."""
    environment = os.environ | {"STRATAFOLD_WEBHOOK_SECRETS": "whsec_" + "a2V5" * 8}
    command = [sys.executable, "-m", "services.simulator", "--seed", "1", "--gateway", "http://127.0.0.1:9"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, text=True) as process:
        assert process.stderr is not None
        assert "sending" in process.stderr.readline()
        assert "trying again" in process.stderr.readline()
        process.send_signal(number)
        _, rest = process.communicate(timeout=10)
    assert process.returncode == 0
    assert "stopped" in rest.splitlines()[-1]
