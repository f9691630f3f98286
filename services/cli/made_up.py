"""Secrets that `up` makes up where none are set, and keeps in the folder DATA for the next time."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable
from pathlib import Path

from libs.security.kept import NotKept, kept
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
    """What the file holds. Raises Failure."""
    try:
        return kept(file, make, look)
    except NotKept as why:
        raise Failure(
            f"{why}: set STRATAFOLD_DATA to another folder" if why.unwritable else str(why)
        ) from None
