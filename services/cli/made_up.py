"""Secrets that `up` makes up where none are set, and keeps in the folder DATA for the next time."""

from __future__ import annotations

import base64
import os
import re
import secrets
from collections.abc import Callable
from pathlib import Path

from libs.security.master_key import FILE
from libs.settings import Settings
from services.cli.failures import Failure


def environment(settings: Settings, demo: bool) -> dict[str, str]:
    """The variables to add to what the processes inherit. Raises Failure where DATA can't be written."""
    added = {"STRATAFOLD_DATA": str(settings.data)}
    if settings.master_key is None:
        key = _kept(settings.data / FILE, lambda: secrets.token_hex(32), r"[0-9a-fA-F]{64}")
        added["STRATAFOLD_MASTER_KEY"] = key
    if demo and not settings.webhook_secrets:
        added["STRATAFOLD_WEBHOOK_SECRETS"] = _kept(
            settings.data / "webhook.secret", _webhook_secret, r"whsec_[A-Za-z0-9+/]+=*"
        )
    if demo and (settings.upstream_api_key is None or settings.upstream_api_secret is None):
        # the made-up upstream and its connector: a pair of which one is set alone would fit nobody
        added["STRATAFOLD_UPSTREAM_API_KEY"] = "demo"
        added["STRATAFOLD_UPSTREAM_API_SECRET"] = _kept(
            settings.data / "upstream.secret", lambda: secrets.token_hex(32), r"[0-9a-f]{64}"
        )
    return added


def _webhook_secret() -> str:
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _kept(file: Path, make: Callable[[], str], look: str) -> str:
    """What the file holds; made where there is none, for its owner's eyes only."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        try:
            # with its rights from the beginning, and by one of two that start at once
            made = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            pass
        else:
            with os.fdopen(made, "w") as new:
                new.write(make() + "\n")
        held = file.read_text().strip()
    except OSError as why:
        raise Failure(f"{file}: {why.strerror}: set STRATAFOLD_DATA to another folder") from None
    if not re.fullmatch(look, held):
        raise Failure(f"{file} does not hold what was once written there: remove it, and a new one is made")
    return held
