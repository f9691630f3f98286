"""Identifiers as the sources show them, from a seeded generator. Pure."""

from __future__ import annotations

from random import Random
from typing import Final

RANDOM: Final = 4
NAMED: Final = 3  # the sources' executions, traders and trades have UUIDs of this version
_ALPHABET: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ0123456789"
_CODE_LENGTH: Final = 6
_VARIANT: Final = "89ab"


def uuid_text(rng: Random, version: int = RANDOM) -> str:
    """A UUID of the given version, in lower case."""
    digits = f"{rng.getrandbits(128):032x}"
    variant = _VARIANT[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-{version}{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def participant_code(rng: Random) -> str:
    """A participant's code, such as ``ABC123`` (003)."""
    return "".join(rng.choice(_ALPHABET) for _ in range(_CODE_LENGTH))
