"""Ends a local stack with the tests that started it: ``python -m tests.real.guard DATA KAFKA_PORT REDIS_PORT``.

Servers outlive whoever starts them, which is right for `stratafold local up`, but not for tests that are killed. The
guard waits for the end of its standard input, which only the tests' process holds open.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]


def guard(data: Path, kafka_port: int, redis_port: int) -> None:
    """Start the guard of a stack, which goes with this process; what it finds down by then is left alone."""
    read, write = (
        os.pipe()
    )  # the end to write is not inherited by anybody, and stays open for as long as we are
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.real.guard", str(data), str(kafka_port), str(redis_port)],
        cwd=_ROOT,
        stdin=read,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the tests, which bring the stack down themselves
    )
    os.close(read)
    _held.append((process, write))


_held: list[tuple[subprocess.Popen[bytes], int]] = []

if __name__ == "__main__":
    sys.stdin.buffer.read()
    if (Path(sys.argv[1]) / "run").exists():
        from libs.local.stack import LocalStack  # late: until here the guard is to weigh nothing

        stack = LocalStack(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
        stack.kafka.kill()
        stack.redis.kill()
