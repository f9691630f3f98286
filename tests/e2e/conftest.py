"""One worker of each service for each module of these tests, in a namespace of its own."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator

import pytest

from tests.real.deployment import Deployment
from tests.stack import Servers


@pytest.fixture(scope="module")
def deployment(shared_servers: Servers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    """Both services at work on six partitions, as by default."""
    folder = tmp_path_factory.mktemp("e2e")
    made = Deployment(shared_servers, f"e2e-{uuid.uuid4().hex[:8]}", folder, partitions=6)
    asyncio.run(made.create())
    made.start("executions")
    made.start("operations")
    asyncio.run(made.settle())
    yield made
    assert made.stop() == [0, 0], made.last_words()
