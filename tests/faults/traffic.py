"""The load of the fault runs: the simulator's deliveries as records, some on the wrong partition or without a key."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice

from services.simulator.disorder import Delivery, Shares, deliveries
from tests.real.deployment import Deployment
from tests.real.topics import Push, partition_for

SHARES = Shares(duplicate=0.25, reordered=0.10, contradictory=0.02, broken=0.05)
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_MISPLACED = 61  # every so many-th record lies on another partition than its key says
_KEYLESS = 67


def traffic(deployment: Deployment, seed: int, count: int) -> list[Push]:
    """So many records for both services, the same for the same seed."""
    return list(_records(deployment, seed, count))


def _records(deployment: Deployment, seed: int, count: int) -> Iterator[Push]:
    start = datetime(2026, 5, 29, tzinfo=UTC)
    for index, one in enumerate(islice(deliveries(seed, SHARES, start), count)):
        key = _key(one)
        home = partition_for(key, deployment.partitions)
        astray = (home + 1) % deployment.partitions
        topic = deployment.topic(f"{one.webhook}.in")
        headers = [("webhook-id", one.id.encode())]
        if index % _MISPLACED == 0:
            yield Push(topic, one.body, key, headers, astray)
        elif index % _KEYLESS == 0:
            yield Push(topic, one.body, None, headers, astray)
        else:
            yield Push(topic, one.body, key, headers, home)


def _key(one: Delivery) -> bytes:
    """The body's id, where it has one; a sender that writes rubbish has a key all the same."""
    try:
        identity = json.loads(one.body)["id"].lower()
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return one.id.encode()
    return identity.encode("utf-8", "replace") if _UUID.fullmatch(identity) else one.id.encode()
