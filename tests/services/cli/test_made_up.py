"""Secrets that are made up once, kept for their owner alone, and never put in the place of one that is set."""

from __future__ import annotations

from pathlib import Path

import pytest

from libs.settings import Settings
from services.cli.failures import Failure
from services.cli.made_up import environment


def test_what_is_made_up_is_valid_kept_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(data=tmp_path / "data")
    added = environment(settings, demo=True)
    assert environment(settings, demo=True) == added
    for file in ("master.key", "webhook.secret", "upstream.secret"):
        assert (tmp_path / "data" / file).stat().st_mode & 0o777 == 0o600
    for name, value in added.items():
        monkeypatch.setenv(name, value)
    both = Settings()
    assert both.master_key_bytes is not None
    assert len(both.webhook_keys) == 1
    assert environment(both, demo=True) == {"STRATAFOLD_DATA": str(tmp_path / "data")}


def test_a_webhook_secret_is_made_up_for_a_demo_alone(tmp_path: Path) -> None:
    assert "STRATAFOLD_WEBHOOK_SECRETS" not in environment(Settings(data=tmp_path), demo=False)


def test_a_spoilt_file_is_named_and_not_used(tmp_path: Path) -> None:
    (tmp_path / "master.key").write_text("oops\n")
    with pytest.raises(Failure, match=r"master\.key"):
        environment(Settings(data=tmp_path), demo=False)
