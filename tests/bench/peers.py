"""A virtual environment for the peers, apart from ours, by a lock file of its own, kept in the user's cache."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from libs.local.jars import cache_folder
from tests.bench.process import ROOT, BenchFailed

_LOCK = ROOT / "deploy" / "peers.lock"


def interpreter() -> Path:
    """The interpreter that has the peers; the first time they are fetched. Raises BenchFailed."""
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    name = hashlib.sha256(version.encode() + _LOCK.read_bytes()).hexdigest()[:16]
    folder = cache_folder().parent / "bench-peers" / name
    python, ready = folder / "bin" / "python", folder / ".ready"
    if not ready.exists():
        shutil.rmtree(folder, ignore_errors=True)
        _run(sys.executable, "-m", "venv", str(folder))
        install = (
            "-m",
            "pip",
            "install",
            "--disable-pip-version-check",
            "--quiet",
            "--no-deps",
            "--require-hashes",
        )
        _run(str(python), *install, "-r", str(_LOCK))
        ready.touch()
    return python


def _run(*argv: str) -> None:
    if subprocess.run(argv, check=False).returncode:
        raise BenchFailed(f"the peers' environment can't be made: {' '.join(argv)} failed")
