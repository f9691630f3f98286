"""Where tests get a real Kafka and a real Redis from: servers they are told, else containers, else local processes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import docker
from docker.errors import DockerException
from testcontainers.community.kafka import KafkaContainer
from testcontainers.community.redis import RedisContainer

from libs.local.kafka import RECORD_BYTES
from libs.local.ports import free_port
from libs.local.stack import LocalStack, start
from tests.real.guard import guard


@dataclass(frozen=True, slots=True)
class Servers:
    """Bootstrap servers of a Kafka and the URL of a Redis."""

    kafka: str
    redis: str


def local_stack(data: Path) -> LocalStack:
    """A stack of its own in the folder, on free ports; not started, and to be brought down by whoever starts it.

    If that is killed before, the stack is killed as well.
    """
    kafka_port = free_port()
    redis_port = free_port(kafka_port)
    guard(data, kafka_port, redis_port)
    return LocalStack(data, kafka_port, redis_port)


@contextmanager
def servers(kafka: str | None, redis: str | None, data: Path) -> Iterator[Servers]:
    """The named servers, and for one that is not named a container or a local process that ends with the block."""
    with ExitStack() as ending:
        if not (kafka and redis) and engine_answers():
            try:
                redis = redis or ending.enter_context(_redis_container())
                kafka = kafka or ending.enter_context(_kafka_container())
            except (DockerException, OSError, RuntimeError) as error:
                print(f"containers can't be used ({error}): local processes are")
        local = local_stack(data)
        ending.callback(local.down)
        start(*([] if redis else [local.redis]), *([] if kafka else [local.kafka]))
        yield Servers(kafka or local.kafka_servers, redis or local.redis_url)


def engine_answers() -> bool:
    """Whether a Docker engine is here to start containers; a client alone is not one."""
    try:
        client = docker.from_env(timeout=3)
    except DockerException:
        return False
    try:
        return bool(client.ping())
    except (DockerException, OSError):
        return False
    finally:
        client.close()


@contextmanager
def _kafka_container() -> Iterator[str]:
    container = KafkaContainer().with_kraft()
    container.with_env("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false")
    container.with_env("KAFKA_MESSAGE_MAX_BYTES", str(RECORD_BYTES))
    container.with_env("KAFKA_REPLICA_FETCH_MAX_BYTES", str(RECORD_BYTES))
    with container:
        yield container.get_bootstrap_server()


@contextmanager
def _redis_container() -> Iterator[str]:
    with RedisContainer("redis:7-alpine") as container:
        yield f"redis://{container.get_container_host_ip()}:{container.get_exposed_port(6379)}/0"
