"""The API as a process of its own, and requests that are signed as 004 has it, by other code than ours."""

from __future__ import annotations

import hashlib
import hmac
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from libs.local.ports import free_port

ROOT = Path(__file__).parents[3]
MASTER = "0f" * 32
ELSEWHERE = {
    "X-Forwarded-For": "203.0.113.7"
}  # as a proxy on this machine says of a client that is not on it


def environment(settings: dict[str, str]) -> dict[str, str]:
    """An environment with these settings, and none of those that this run of the tests may have."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STRATAFOLD_")}
    return {**kept, "PYTHONUNBUFFERED": "1", **settings}


@dataclass(frozen=True, slots=True)
class Api:
    """A running API: its process, its address, and where its log goes."""

    process: subprocess.Popen[bytes]
    url: str
    log: Path

    def get(self, path: str, headers: dict[str, str] | None = None) -> httpx.Response:
        """One request on a connection of its own."""
        return httpx.get(self.url + path, headers=headers, timeout=60)

    def wait(self, status: int, path: str = "/readyz", seconds: float = 30) -> httpx.Response:
        """Wait until a path answers so."""
        end = time.monotonic() + seconds
        last: object = None
        while time.monotonic() < end:
            assert self.process.poll() is None, self.log.read_text()
            try:
                response = self.get(path)
                last = response.status_code, response.text
                if response.status_code == status:
                    return response
            except httpx.TransportError as error:
                last = error
            time.sleep(0.1)
        raise AssertionError(f"{path} never answered {status}, but {last}: {self.log.read_text()}")


@contextmanager
def api(log: Path, settings: dict[str, str]) -> Iterator[Api]:
    """An API on a free port, which is ended with the block."""
    port = free_port()
    env = environment({**settings, "STRATAFOLD_API_PORT": str(port), "STRATAFOLD_MASTER_KEY": MASTER})
    with log.open("ab") as to:
        process = subprocess.Popen(
            [sys.executable, "-m", "services.api"], cwd=ROOT, env=env, stderr=to, stdout=to
        )
    try:
        yield Api(process, f"http://127.0.0.1:{port}", log)
    finally:
        process.kill()
        process.wait()


def refused(settings: dict[str, str]) -> tuple[int, str]:
    """The exit status and all output of an API that does not come up."""
    done = subprocess.run(
        [sys.executable, "-m", "services.api"],
        cwd=ROOT,
        env=environment(settings),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
        check=False,
    )
    return done.returncode, done.stdout.decode()


def signed(key: str, secret: str, path: str, method: str = "GET", at: int | None = None) -> dict[str, str]:
    """The headers of a request that is signed now, or at a time in ms."""
    timestamp = str(time.time_ns() // 1_000_000 if at is None else at)
    text = f"{timestamp}{method}{path}".encode()
    signature = hmac.new(secret.encode(), text, hashlib.sha256).hexdigest()
    return {"X-Api-Key": key, "X-Timestamp": timestamp, "X-Signature": signature}
