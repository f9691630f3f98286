"""The gateway as a process of its own, started and ended by a test."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.local.ports import free_port
from tests.services.gateway.harness import KEY, raw, signed

ROOT = Path(__file__).parents[3]
SECRET = "whsec_" + b64encode(KEY).decode()


@dataclass(frozen=True, slots=True)
class Gateway:
    """A running gateway: its process, its address, and where its log goes."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def post(self, path: str, body: bytes, timeout: float = 60) -> httpx.Response:
        """Post a body that is signed now."""
        headers = raw(signed(body, at=int(time.time())))
        return httpx.post(self.url + path, content=body, headers=headers, timeout=timeout)

    def wait(self, status: int, seconds: float = 30, path: str = "/readyz") -> float:
        """Wait until a path answers so; the seconds that it took."""
        began = time.monotonic()
        last: object = None
        while time.monotonic() - began < seconds:
            assert self.process.poll() is None, self.log.read_text()
            try:
                last = httpx.get(self.url + path, timeout=60).status_code
            except httpx.TransportError as error:
                last = error
            if last == status:
                return time.monotonic() - began
            time.sleep(0.1)
        raise AssertionError(f"{path} never answered {status}, but {last}: {self.log.read_text()}")


def environment(**settings: object) -> dict[str, str]:
    """An environment with these settings, and none of those that this run of the tests may have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRATAFOLD_")}
    given = {f"STRATAFOLD_{name.upper()}": str(value) for name, value in settings.items()}
    return {**kept, "PYTHONUNBUFFERED": "1", **given}


@contextmanager
def gateway(log: Path, **settings: object) -> Iterator[Gateway]:
    """A gateway on a free port, which is ended with the block."""
    port = free_port()
    env = environment(gateway_port=port, webhook_secrets=SECRET, **settings)
    with log.open("ab") as to:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.gateway"], cwd=ROOT, env=env, stderr=to, stdout=to
        )
    try:
        yield Gateway(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def refused(**settings: object) -> tuple[int, str]:
    """The exit status and all output of a gateway that does not come up."""
    done = subprocess.run(
        [sys.executable, "-m", "services.gateway"],
        cwd=ROOT,
        env=environment(**settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode()
