"""The stratafold command as a process, as a user runs it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
COMMAND = (sys.executable, "-m", "services.cli")


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """What the command inherits: nothing of ours but these settings."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("STRATAFOLD_")}
    return {**inherited, "COLUMNS": "200", **settings}


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    status: int
    out: bytes
    err: str

    @property
    def json(self) -> Any:
        """Its output as one JSON document."""
        return json.loads(self.out)

    @property
    def line(self) -> str:
        """What it said on stderr, which must be one line that begins with our name."""
        assert self.err.startswith("stratafold: "), self.err
        assert self.err.count("\n") == 1, self.err
        return self.err


def run(settings: Mapping[str, str], *words: str, given: bytes = b"", seconds: float = 60) -> Ended:
    """Run a command to its end."""
    done = subprocess.run(
        [*COMMAND, *words],
        cwd=ROOT,
        env=environment(settings),
        input=given,
        capture_output=True,
        timeout=seconds,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr.decode())
