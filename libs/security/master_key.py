"""Where a process finds the key that HMAC secrets are encrypted under."""

from __future__ import annotations

import re
from typing import Final

from libs.settings import Settings, SettingsError

FILE: Final = "master.key"


def master_key(settings: Settings) -> bytes:
    """The 32 bytes: of the setting, else of the file that `up` left in DATA. Raises SettingsError."""
    if settings.master_key_bytes is not None:
        return settings.master_key_bytes
    file = settings.data / FILE
    try:
        held = file.read_text().strip()
    except (OSError, UnicodeDecodeError):
        raise SettingsError(
            "STRATAFOLD_MASTER_KEY: must be set, 64 hex digits, for the secrets of API keys are encrypted under it"
        ) from None
    if not re.fullmatch(r"[0-9a-fA-F]{64}", held):
        raise SettingsError(f"STRATAFOLD_MASTER_KEY: is not set, and {file} does not hold 64 hex digits")
    return bytes.fromhex(held)
