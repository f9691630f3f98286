"""``python -m services.versions``: the worker as a process."""

from __future__ import annotations

from libs.runtime.process import run_worker
from services.versions.worker import make_worker

if __name__ == "__main__":
    raise SystemExit(run_worker(make_worker))
