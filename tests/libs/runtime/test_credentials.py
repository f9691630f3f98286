"""Redis has of the credentials what the topic says, whatever it lost or went back to and whoever fills it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress

import pytest
from aiokafka import AIOKafkaProducer
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.runtime.credentials import Away, Credentials
from libs.runtime.kafka_access import KafkaAccess
from libs.runtime.topics import create_credentials
from libs.security.credentials import Credential, make_api_key, make_token
from libs.views.credentials import CredentialCache, Forgotten

pytestmark = pytest.mark.real

AT = "2026-06-01T00:00:00.000Z"


class Deployed:
    """The credentials of a namespace, followed as the API does, and a producer to their topic."""

    def __init__(self, servers: str, url: str, namespace: str) -> None:
        self._kafka = KafkaAccess(servers)
        self.names = Names(namespace)
        self.redis = Redis.from_url(url)
        self.cache = CredentialCache(self.redis, self.names)
        self.key = self.names.key("credentials")

    def credentials(self) -> Credentials:
        """As another process has them."""
        return Credentials(self.cache, self._kafka, self.names, 1)

    async def start(self, stack: AsyncExitStack) -> Deployed:
        """Create the topic and connect."""
        await create_credentials(self._kafka, self.names, 1)
        self.producer = AIOKafkaProducer(**self._kafka.options())
        await self.producer.start()
        stack.push_async_callback(self.producer.stop)
        stack.push_async_callback(self.redis.aclose)
        self.kept = self.credentials()
        following = asyncio.create_task(self.kept.follow())

        async def end() -> None:
            following.cancel()
            with suppress(asyncio.CancelledError):
                await following

        stack.push_async_callback(end)
        return self

    async def until(self, credential: Credential, found: bool) -> None:
        """Wait until a credential is found, or is no more."""
        async with asyncio.timeout(15):
            while True:
                with suppress(Away):
                    if (await self.kept.find(credential.kind, credential.sha256) == credential) is found:
                        return
                await asyncio.sleep(0.05)


@pytest.fixture
async def deployed(kafka: str, redis_url: str, namespace: str) -> AsyncIterator[Deployed]:
    async with AsyncExitStack() as stack:
        yield await Deployed(kafka, redis_url, namespace).start(stack)


def token() -> Credential:
    return make_token("org", ["agents:read"], AT)[1]


async def test_what_is_written_is_found_and_what_is_revoked_is_not(deployed: Deployed) -> None:
    first, second = token(), make_api_key("acct", bytes(32), AT)[2]
    await deployed.kept.keep(deployed.producer, first)
    await deployed.kept.keep(deployed.producer, second)
    await deployed.until(first, found=True)
    await deployed.until(second, found=True)
    assert await deployed.kept.all() == sorted([first, second], key=lambda one: one.sha256)
    await deployed.kept.revoke(deployed.producer, first)
    await deployed.until(first, found=False)
    assert await deployed.kept.all() == [second]


async def test_redis_that_lost_them_is_filled_again_at_the_next_question(deployed: Deployed) -> None:
    kept, revoked = token(), token()
    for one in (kept, revoked):
        await deployed.kept.keep(deployed.producer, one)
    await deployed.kept.revoke(deployed.producer, revoked)
    await deployed.until(kept, found=True)
    await deployed.until(revoked, found=False)
    for _ in range(5):
        await deployed.redis.delete(deployed.key)
        assert await deployed.kept.find(kept.kind, kept.sha256) == kept
        await deployed.redis.delete(deployed.key)
        assert await deployed.kept.find(revoked.kind, revoked.sha256) is None


async def test_redis_that_went_back_forgets_no_revocation(deployed: Deployed) -> None:
    """Its last second is lost, as after a crash: the hash says itself from where on the topic is missing in it."""
    one = token()
    await deployed.kept.keep(deployed.producer, one)
    await deployed.until(one, found=True)
    before = await deployed.redis.dump(deployed.key)
    assert before is not None
    await deployed.kept.revoke(deployed.producer, one)
    await deployed.until(one, found=False)
    await deployed.redis.restore(deployed.key, 0, before, replace=True)
    await deployed.until(one, found=False)


async def test_many_that_fill_redis_at_once_do_not_bring_back_what_is_revoked(deployed: Deployed) -> None:
    everybody = [deployed.credentials() for _ in range(4)]
    async with AsyncExitStack() as stack:
        readers = [await stack.enter_async_context(one.open()) for one in everybody]
        for _ in range(10):
            one = token()
            await deployed.kept.keep(deployed.producer, one)
            await deployed.redis.delete(deployed.key)
            await asyncio.gather(
                *(other.refresh(reader) for other, reader in zip(everybody, readers, strict=True)),
                deployed.kept.revoke(deployed.producer, one),
            )
            await everybody[0].refresh(readers[0])
            assert f"token:{one.sha256}" not in await deployed.cache.everything()


async def test_without_the_mark_nothing_in_the_hash_counts(deployed: Deployed) -> None:
    other = CredentialCache(deployed.redis, Names(f"{deployed.names.namespace}x"))
    await deployed.redis.hset(f"{deployed.names.namespace}x:credentials", "token:x", "{}")
    with pytest.raises(Forgotten):
        await other.get("token:x")
    with pytest.raises(Forgotten):
        await other.everything()
    assert await other.advance(None, 5, {"token:y": b"{}"})
    assert await other.everything() == {"token:y": b"{}"}
    assert not await other.advance(None, 6, {"token:z": b"{}"})
    await other.forget()


async def test_where_kafka_is_away_and_redis_lost_them_nobody_can_say(redis_url: str, namespace: str) -> None:
    async with Redis.from_url(redis_url) as redis:
        alone = Credentials(
            CredentialCache(redis, Names(namespace)), KafkaAccess("127.0.0.1:1"), Names(namespace)
        )
        with pytest.raises(Away):
            await alone.find("token", "0" * 64)
