"""Secrets that are made up once and kept in a file for the next time."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path


class NotKept(Exception):
    """A file can't be written or read (``unwritable``), or holds something else; the text says which."""

    def __init__(self, text: str, *, unwritable: bool) -> None:
        super().__init__(text)
        self.unwritable = unwritable


def kept(file: Path, make: Callable[[], str], look: str) -> str:
    """What the file holds, which ``look`` matches; made where there is none, for its owner's eyes only.

    Raises NotKept.
    """
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
        raise NotKept(f"{file}: {why.strerror}", unwritable=True) from None
    if not re.fullmatch(look, held):
        told = f"{file} does not hold what was once written there: remove it, and a new one is made"
        raise NotKept(told, unwritable=False)
    return held
