"""Without STRATAFOLD_TRACES no process that takes in, folds or shows needs or loads what makes traces."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from libs.settings import Settings
from libs.telemetry.traces import open_traces

PROCESSES: Final = {
    "executions": "from services.executions.worker import make_worker; make_worker(settings)",
    "strategies": "from services.strategies.worker import make_worker; make_worker(settings)",
    "gateway": "import services.gateway.__main__; from services.gateway.app import build; build([b'k'], None)",
    "api": "import services.api.__main__",
    "connectors": "import services.connectors.__main__",
    "metrics": "import services.metrics.__main__",
}
WITHOUT_IT: Final = """
import sys

class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "opentelemetry":
            raise ImportError(name)

sys.meta_path.insert(0, Missing())
"""
OFF: Final = """
import sys
from libs.settings import Settings
from libs.telemetry.traces import open_traces
settings = Settings()
assert open_traces(settings, "x") is None
{process}
ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "google.protobuf", "libs.telemetry.spans")
found = [name for name in sys.modules if name.startswith(ours)]
assert not found, found
"""


@pytest.mark.parametrize("process", PROCESSES)
@pytest.mark.parametrize("before", ["", WITHOUT_IT], ids=["not loaded", "not needed"])
def test_off_it_is_neither_needed_nor_loaded(process: str, before: str) -> None:
    """The clients of Redis and Kafka look for parts of OpenTelemetry themselves; none of those makes traces."""
    code = before + OFF.format(process=PROCESSES[process])
    ran = subprocess.run(
        [sys.executable, "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert ran.returncode == 0, ran.stderr


def test_on_there_are_traces() -> None:
    traces = open_traces(Settings(traces="http://127.0.0.1:9", traces_share=0), "x")
    assert traces is not None
    traces.close()
