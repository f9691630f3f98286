"""The ports that `up` needs for itself: which they are, and that no two settings name the same one. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from libs.settings import PREFIX, Settings
from services.cli.failures import Failure
from services.cli.roster import Process


def used(settings: Settings, chosen: Sequence[Process]) -> dict[str, int]:
    """By setting, the ports that a run of these processes listens on; of a server that is elsewhere it has none."""
    names = {process.name for process in chosen}
    listens = {
        "LOCAL_KAFKA_PORT": (settings.local_kafka_port, settings.kafka is None),
        "LOCAL_REDIS_PORT": (settings.local_redis_port, settings.redis is None),
        "GATEWAY_PORT": (settings.gateway_port, "gateway" in names),
        "API_PORT": (settings.api_port, "api" in names),
    }
    return {PREFIX + name: port for name, (port, needed) in listens.items() if needed}


def check_apart(ports: Mapping[str, int]) -> None:
    """See that each setting has a port of its own. Raises Failure, which names those that are alike."""
    for port in ports.values():
        alike = [name for name, other in ports.items() if other == port]
        if len(alike) > 1:
            both = "both" if len(alike) == 2 else "all"
            raise Failure(f"{' and '.join(alike)} are {both} {port}: each needs a port of its own")
