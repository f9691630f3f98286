"""The program's own verification, as a user runs it."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.real.deployment import Deployment
from tests.real.workers import ROOT


def verify(deployment: Deployment, *arguments: str) -> tuple[int, str]:
    """Exit status and last words of ``stratafold verify`` over a deployment."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("STRATAFOLD_")}
    done = subprocess.run(
        [sys.executable, "-m", "services.cli", "verify", *arguments],
        cwd=ROOT,
        env={**inherited, **deployment.environment()},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    return done.returncode, (done.stdout + done.stderr)[-2_000:]
