"""How a made-up broker and a portfolio manager end where they can't begin: by a status, and without a traceback."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from libs.local.ports import free_port
from tests.services.api.process import ROOT, environment

PARTIES = ("broker", "portfolio_manager")


def run(party: str, tmp_path: Path, *words: str) -> tuple[int, str]:
    """Exit status and all that was said, of one that finds no Kafka."""
    settings = {"STRATAFOLD_KAFKA": f"127.0.0.1:{free_port()}", "STRATAFOLD_DATA": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", f"services.simulator.{party}", *words],
        cwd=ROOT,
        env=environment(settings),
        capture_output=True,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stderr.decode()


@pytest.mark.parametrize("party", PARTIES)
def test_where_kafka_fails_it_ends_to_be_started_again(party: str, tmp_path: Path) -> None:
    status, said = run(party, tmp_path)
    assert (status, "Traceback" in said) == (1, False), said
    assert '"event":"Kafka failed"' in said


@pytest.mark.parametrize("party", PARTIES)
def test_a_wrong_word_is_told_in_one_line(party: str, tmp_path: Path) -> None:
    status, said = run(party, tmp_path, "--pace", "soon")
    assert (status, said.count("\n")) == (2, 1), said
    assert "--pace" in said


def test_a_token_that_was_spoilt_is_not_shown_to_the_api(tmp_path: Path) -> None:
    (tmp_path / "portfolio.token").write_text("oops\n")
    status, said = run("portfolio_manager", tmp_path)
    assert (status, said.count("\n")) == (2, 1), said
    assert "portfolio.token" in said
