"""What every test may ask for: a real Kafka and Redis, started once a run and stopped at its end; a namespace."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator

import pytest
from hypothesis import settings

from libs.local.stack import LocalStack
from tests.stack import Servers, local_stack, servers

# A machine may be busy with other things: how long an example takes says nothing.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared_servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    """Kafka and Redis for the whole run: those of STRATAFOLD_KAFKA and STRATAFOLD_REDIS, else started here."""
    kafka, redis = os.environ.get("STRATAFOLD_KAFKA"), os.environ.get("STRATAFOLD_REDIS")
    with servers(kafka, redis, tmp_path_factory.mktemp("stack")) as both:
        yield both


@pytest.fixture(scope="session")
def kafka(shared_servers: Servers) -> str:
    """Bootstrap servers of the run's Kafka, which tests share: keep to a `namespace`."""
    return shared_servers.kafka


@pytest.fixture(scope="session")
def redis_url(shared_servers: Servers) -> str:
    """URL of the run's Redis, which tests share: keep to a `namespace`, never flush it."""
    return shared_servers.redis


@pytest.fixture(scope="module")
def own_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStack]:
    """A running stack of the test module's own, whose servers it may kill, start again and empty."""
    stack = local_stack(tmp_path_factory.mktemp("own"))
    stack.up()
    yield stack
    stack.down()


@pytest.fixture
def namespace() -> str:
    """A namespace that no other test has."""
    return f"t{uuid.uuid4().hex[:12]}"
