"""Topics, consumer groups and Redis keys, spelled as other programs rely on them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SERVICES: Final = ("operations", "executions", "versions", "agents", "strategies")
ENTITIES: Final = {
    "operations": "operation",
    "executions": "execution",
    "versions": "version",
    "agents": "agent",
    "strategies": "strategy",
}
# What is known of the first part of an entity's id, where that is more than a name: its account's numbers.
COMPANIONS: Final = {"strategies": "account"}
STREAMS: Final = ("in", "log", "events", "state", "dead")


def service_of(entity: str) -> str:
    """Name the service that folds an entity, such as ``operations`` for ``operation``. Raises KeyError."""
    for service, name in ENTITIES.items():
        if entity in (name, service):
            return service
    raise KeyError(entity)


def kind_of(service: str, entity_id: str) -> str:
    """What an entity of a service is, as its key says."""
    companion = COMPANIONS.get(service)
    return ENTITIES[service] if companion is None or ":" in entity_id else companion


@dataclass(frozen=True, slots=True)
class Names:
    """Every name of one namespace; the empty namespace adds nothing."""

    namespace: str = ""

    def topic(self, name: str) -> str:
        """``operations.in`` -> ``x.operations.in`` in namespace x."""
        return f"{self.namespace}.{name}" if self.namespace else name

    def group(self, service: str) -> str:
        """The consumer group of a service's workers."""
        return f"{self.namespace}.{service}" if self.namespace else service

    def key(self, name: str) -> str:
        """A flat Redis key, such as ``m:services``."""
        return f"{self.namespace}:{name}" if self.namespace else name

    def partition_prefix(self, service: str, partition: int) -> str:
        """What every key of one partition begins with, its hash tag included."""
        return self.key(f"{{{service}.{partition}}}:")

    def position(self, service: str, partition: int) -> str:
        """The hash that says how far a partition is folded, and by whom."""
        return self.partition_prefix(service, partition) + "position"

    def counters(self, service: str, partition: int) -> str:
        """The hash of a partition's absolute counters."""
        return self.partition_prefix(service, partition) + "counters"

    def entity(self, service: str, partition: int, entity_id: str) -> str:
        """The projection's hash; in ``strategies`` an id without a colon is an account's."""
        return f"{self.partition_prefix(service, partition)}{kind_of(service, entity_id)}:{entity_id}"

    def history(self, service: str, partition: int, entity_id: str) -> str:
        """The list of an entity's log records."""
        return self.entity(service, partition, entity_id) + ":log"

    def stream(self, service: str, partition: int, entity_id: str, stream: str) -> str:
        """One of an entity's append-only streams, such as an agent's ``equity``."""
        return f"{self.entity(service, partition, entity_id)}:{stream}"

    def index(self, service: str, partition: int, field: str, value: str) -> str:
        """The sorted set of the entities that have ``value`` in ``field``."""
        return f"{self.partition_prefix(service, partition)}by:{field}:{value}"
