"""A stack that faults may strike, and at the end of the run a table of what was done and what came of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from libs.local.stack import LocalStack
from tests.faults.lane import Outcome
from tests.stack import local_stack

_outcomes: list[Outcome] = []


@pytest.fixture(scope="session")
def fault_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A Kafka and a Redis that nobody else uses."""
    stack = local_stack(tmp_path_factory.mktemp("faults"))
    stack.up()
    yield stack
    stack.down()


@pytest.fixture(scope="session")
def reported() -> list[Outcome]:
    """Where outcomes are left for the table."""
    return _outcomes


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    if not _outcomes:
        return
    line = terminalreporter.write_line
    terminalreporter.section("faults")
    line(f"{'run':28}{'events':>8}{'faults':>8}{'doubles dropped':>17}{'seconds':>9}  outcome")
    for one in _outcomes:
        line(
            f"{one.name:28}{one.events:>8}{one.faults:>8}{one.doubles:>17}{one.seconds:>9.0f}  {one.told:.120}"
        )
