"""The secured servers of these tests, with every topic there is, and Kafka told who may do what."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import suppress

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import GroupCoordinatorNotAvailableError
from aiokafka.protocol.admin import CreateAclsRequest

from libs.contracts.names import SERVICES, Names
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_credentials, create_topics
from tests.secured.certificates import made
from tests.secured.clients import access
from tests.secured.rights import Rights, rights
from tests.secured.servers import ADMIN, Secured

_LITERAL, _ALLOW = 3, 3  # a name as it stands; a permission


@pytest.fixture(scope="module")
def users() -> Mapping[str, Rights]:
    """All processes' rights."""
    return rights()


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory, users: Mapping[str, Rights]) -> Iterator[Secured]:
    """Both servers, running."""
    folder = tmp_path_factory.mktemp("secured")
    servers = Secured(folder, made(folder), users)
    servers.start()
    try:
        asyncio.run(_furnish(access(servers, ADMIN)[0], users))
        yield servers
    finally:
        servers.stop()


async def _furnish(kafka: KafkaAccess, users: Mapping[str, Rights]) -> None:
    await create_topics(kafka, Names(), SERVICES, 1, 1)
    await create_credentials(kafka, Names(), 1)
    client = AIOKafkaClient(**kafka.options())
    await client.bootstrap()
    try:
        for one in users.values():
            for kind, name, operation in one.rules():
                rule = CreateAclsRequest(kind, name, _LITERAL, f"User:{one.name}", "*", operation, _ALLOW)
                answer = await client.send(client.get_random_node(), rule)
                assert answer.creation_responses[0][0] == 0, answer
    finally:
        await client.close()
    await _coordinated(kafka)


async def _coordinated(kafka: KafkaAccess) -> None:
    """Wait until groups have somebody to ask, which the first who asks brings about."""
    admin = AIOKafkaAdminClient(**kafka.options())
    await admin.start()
    try:
        async with asyncio.timeout(60):
            while True:
                with suppress(GroupCoordinatorNotAvailableError):
                    await admin.list_consumer_group_offsets("agents")
                    return
                await asyncio.sleep(0.2)
    finally:
        await admin.close()
