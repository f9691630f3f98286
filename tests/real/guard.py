"""Ends a local stack with the tests that started it: ``python -m tests.real.guard``, told on standard input which.

Servers outlive whoever starts them, which is right for `stratafold local up`, but not for tests that are killed. The
guard waits for the end of its standard input, which only the tests' process holds open.
"""

from __future__ import annotations

import json
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
        [sys.executable, "-m", "tests.real.guard"],
        cwd=_ROOT,
        stdin=read,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C is for the tests, which bring the stack down themselves
    )
    os.close(read)
    # not on its command line: by the folder there, tests tell which servers run
    os.write(write, json.dumps([str(data.absolute()), kafka_port, redis_port]).encode())
    _held.append((process, write))


_held: list[tuple[subprocess.Popen[bytes], int]] = []

if __name__ == "__main__":
    folder, for_kafka, for_redis = json.loads(sys.stdin.buffer.read())
    if (Path(folder) / "run").exists():
        from libs.local.stack import LocalStack  # late: until here the guard is to weigh nothing

        stack = LocalStack(Path(folder), for_kafka, for_redis)
        stack.kafka.kill()
        stack.redis.kill()
