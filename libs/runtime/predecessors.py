"""Members of a worker's group that were killed on this machine: nobody need wait for them.

A group waits a session's time-out for a member that says nothing, and as long nobody has its partitions. Whoever starts
beside it can see at once that its process is gone, and has it leave.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import socket
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.group import LeaveGroupRequest

from libs.runtime.cancellation import heed_cancellation
from libs.runtime.kafka_access import KafkaAccess

_WITHIN: Final = 5.0  # seconds; it is a help, and no start hangs on it
_MEMBER: Final = re.compile(r"-(?P<pid>[0-9]{1,9})-[0-9a-f]{8}@(?P<place>[0-9a-f]{12})\Z")

logger = structlog.get_logger()


def member_name(owner: str) -> str:
    """The client id of an owner ``<host>-<process id>-<8 hex digits>``, by which the living know where it ran."""
    place = _place()
    return owner if place is None else f"{owner}@{place}"


def is_dead(client_id: str) -> bool:
    """Whether a member ran where we do, and its process is gone. Of one that ran elsewhere nobody here can say."""
    found = _MEMBER.search(client_id)
    return found is not None and found["place"] == _place() and _gone(int(found["pid"]))


def _gone(pid: int) -> bool:
    if pid == os.getpid():
        return True  # it was somebody else's before it was ours
    with suppress(PermissionError):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
    return False


def _place() -> str | None:
    """Where a process id means the same process: this host, since it was started, in this container. None: unknown."""
    told = [socket.gethostname()]
    try:
        told.append(Path("/proc/sys/kernel/random/boot_id").read_text())
        told.append(str(Path("/proc/self/ns/pid").stat().st_ino))
    except OSError:
        return None
    return hashlib.sha256("\n".join(told).encode()).hexdigest()[:12]


async def dismiss_the_dead(kafka: KafkaAccess, group: str) -> None:
    """Have the dead of this place leave the group; where Kafka does not let us, the session's time-out does."""
    client = AIOKafkaClient(**kafka.options(), request_timeout_ms=int(_WITHIN * 1000))
    try:
        async with asyncio.timeout(_WITHIN):
            await client.bootstrap()
            coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
            described = await client.send(coordinator, DescribeGroupsRequest([group]))
            for member_id, client_id, *_ in described.groups[0][5]:
                if is_dead(client_id):
                    await client.send(coordinator, LeaveGroupRequest(group, member_id))
                    logger.info("a member whose process is gone left the group", member=client_id)
    except GroupCoordinatorNotAvailableError:
        return  # as where Kafka is new, and nobody was there before us
    except (KafkaError, OSError, TimeoutError, AssertionError) as why:
        logger.info("the group's members can't be looked at", why=repr(why))
    finally:
        await client.close()
        heed_cancellation()
