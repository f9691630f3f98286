"""The topics of a service as the contract has them, made by us and never by the broker's auto-creation."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from libs.contracts.names import STREAMS, Names
from libs.contracts.versions import INSTRUMENTS
from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess

_DAY_MS: Final = 24 * 3600 * 1000
_MIB: Final = 1024 * 1024
# A refused input of 2 MiB has to fit into `dead` with its headers; what we write ourselves gets as much room.
_LARGEST: Final = str(3 * _MIB)
_LARGEST_STATE: Final = str(
    32 * _MIB
)  # an operation names all its executions: some 39 bytes each, uncompressed
# Deleting is said as well: a cluster may compact by default, and would lose what the log has to keep.
CONFIGS: Final[dict[str, dict[str, str]]] = {
    "in": {
        "cleanup.policy": "delete",
        "retention.ms": str(14 * _DAY_MS),
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(2 * _MIB + 64 * 1024),
    },
    "log": {
        "cleanup.policy": "delete",
        "retention.ms": "-1",
        "retention.bytes": "-1",
        "max.message.bytes": _LARGEST,
    },
    "events": {
        "cleanup.policy": "delete",
        "retention.ms": str(14 * _DAY_MS),
        "max.message.bytes": _LARGEST,
    },
    "state": {"cleanup.policy": "compact", "max.message.bytes": _LARGEST_STATE},
    "dead": {
        "cleanup.policy": "delete",
        "retention.ms": str(90 * _DAY_MS),
        "max.message.bytes": _LARGEST,
    },
}

CREDENTIALS: Final = "credentials"
CREDENTIALS_CONFIG: Final = {"cleanup.policy": "compact"}
# Its records are small, but batches of them are as large as for any other input topic.
INSTRUMENTS_CONFIG: Final = {
    "cleanup.policy": "compact",
    "max.message.bytes": CONFIGS["in"]["max.message.bytes"],
}


def kept_since(stream: str, now: int) -> int | None:
    """The time (ms) before which records of ``in``, ``events`` or ``dead`` may be gone; None: none go by their age."""
    retention = int(CONFIGS[stream].get("retention.ms", "-1"))
    return None if retention < 0 else now - retention


class WrongTopic(Exception):
    """A topic exists, but not as the settings say."""


def min_insync(replication: int) -> int:
    """How many replicas have to have a record before it is acknowledged: all but one, so that one may be away.

    With three, two: whichever broker is lost then, what was acknowledged is on another.
    """
    return max(1, replication - 1)


async def create_topics(
    kafka: KafkaAccess, names: Names, services: Iterable[str], partitions: int, replication: int
) -> list[str]:
    """Create what is missing of the services' topics; the names of those made. Raises WrongTopic, KafkaError."""
    return await _create(kafka, _wanted(names, services), partitions, replication)


async def create_credentials(kafka: KafkaAccess, names: Names, replication: int) -> list[str]:
    """Create the topic of tokens and API keys, of one partition, where it is missing. Raises WrongTopic, KafkaError."""
    topic = names.topic(CREDENTIALS)
    try:
        return await _create(kafka, {topic: CREDENTIALS_CONFIG}, 1, replication)
    except WrongTopic:
        raise WrongTopic(f"topic {topic} has several partitions, but can have only one") from None


async def _create(
    kafka: KafkaAccess, wanted: dict[str, dict[str, str]], partitions: int, replication: int
) -> list[str]:
    acknowledging = {"min.insync.replicas": str(min_insync(replication))}
    admin = AIOKafkaAdminClient(**kafka.options())
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        missing = [
            NewTopic(topic, partitions, replication, topic_configs={**config, **acknowledging})
            for topic, config in wanted.items()
            if topic not in existing
        ]
        made = []
        if missing:
            response = await admin.create_topics(missing)
            for topic, code, *why in response.topic_errors:
                error = for_code(code)
                if code and error is not TopicAlreadyExistsError:
                    raise error(f"{topic}: {why[0] if why else ''}")
                if not code:
                    made.append(topic)
        await _check_partitions(admin, [topic for topic in wanted if topic in existing], partitions)
        return made
    finally:
        await admin.close()
        heed_cancellation()


async def missing_topics(
    kafka: KafkaAccess, names: Names, services: Iterable[str], partitions: int
) -> list[str]:
    """The services' topics that nobody has made yet. Raises WrongTopic, KafkaError."""
    wanted = _wanted(names, services)
    admin = AIOKafkaAdminClient(**kafka.options())
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        await _check_partitions(admin, [topic for topic in wanted if topic in existing], partitions)
    finally:
        await admin.close()
        heed_cancellation()
    return [topic for topic in wanted if topic not in existing]


def _wanted(names: Names, services: Iterable[str]) -> dict[str, dict[str, str]]:
    services = tuple(services)
    wanted = {
        names.topic(f"{service}.{stream}"): CONFIGS[stream] for service in services for stream in STREAMS
    }
    if "versions" in services:
        wanted[names.topic(INSTRUMENTS)] = INSTRUMENTS_CONFIG
    return wanted


async def _check_partitions(admin: AIOKafkaAdminClient, topics: list[str], partitions: int) -> None:
    if not topics:
        return
    for description in await admin.describe_topics(topics):
        found = len(description["partitions"])
        if found != partitions:
            raise WrongTopic(
                f"topic {description['topic']} has {found} partitions, but STRATAFOLD_PARTITIONS is {partitions};"
                " the number is fixed for the life of the topics"
            )
