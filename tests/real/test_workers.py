"""What tests start ends with them, also where nobody is left to tidy up."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from libs.local.ports import free_port
from tests.real.workers import ROOT

pytestmark = pytest.mark.real

_TESTS = """
import signal, sys, time
from pathlib import Path
from tests.real.workers import WorkerProcess
from tests.stack import local_stack

# Of tests in the background an interrupt is ignored, and their children inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
folder, port = Path(sys.argv[1]), sys.argv[2]
settings = {"STRATAFOLD_KAFKA": f"127.0.0.1:{port}", "STRATAFOLD_REDIS": f"redis://127.0.0.1:{port}/0"}
workers = [WorkerProcess("services.operations", settings, folder / f"{name}.log") for name in "ab"]
redis = local_stack(folder / "stack").redis
redis.start()
while not all("waiting for Kafka" in worker.log.read_text() for worker in workers):
    time.sleep(0.1)
workers[1].signal(signal.SIGSTOP)
print(*(worker.pid for worker in workers), redis.pid, flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGINT])
def test_nothing_outlives_tests_that_are_killed_not_even_a_paused_worker(
    tmp_path: Path, how: signal.Signals
) -> None:
    tests = subprocess.Popen(
        [sys.executable, "-c", _TESTS, str(tmp_path), str(free_port())],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert tests.stdout is not None
    started = [psutil.Process(int(pid)) for pid in tests.stdout.readline().split()]
    try:
        assert len(started) == 3
        os.kill(tests.pid, how)
        tests.wait(60)
        _, alive = psutil.wait_procs(started, timeout=60)
        assert alive == []
    finally:
        tests.kill()
        tests.wait(60)
        for one in started:
            if one.is_running():
                one.kill()
