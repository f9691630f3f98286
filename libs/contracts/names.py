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
# What the entities of one routing key share: an account's numbers, a strategy's weights.
COMPANIONS: Final = {"strategies": "account", "versions": "strategy"}
DELETED: Final = "deleted"
KNOWN: Final = "known"
DELETABLE: Final = frozenset({"versions"})  # services whose entities can be deleted
_MARKED: Final = {"versions": "strategy:"}  # begins a companion's id where an entity's own could be the same
STREAMS: Final = ("in", "log", "events", "state", "dead")


def service_of(entity: str) -> str:
    """Name the service that folds an entity, such as ``operations`` for ``operation``. Raises KeyError."""
    for service, name in ENTITIES.items():
        if entity in (name, service):
            return service
    raise KeyError(entity)


def companion_of(service: str, routing_key: str) -> str:
    """The id of what the entities of a routing key share."""
    return _MARKED.get(service, "") + routing_key


def is_companion(service: str, entity_id: str) -> bool:
    """Whether an id is that of a companion: by its mark, else by having no colon as the entities' ids have one."""
    if service not in COMPANIONS:
        return False
    mark = _MARKED.get(service)
    return ":" not in entity_id if mark is None else entity_id.startswith(mark)


def name_of(service: str, entity_id: str) -> str:
    """What the key of an entity ends with, such as ``operation:<id>``."""
    if is_companion(service, entity_id):
        return f"{COMPANIONS[service]}:{entity_id.removeprefix(_MARKED.get(service, ''))}"
    return f"{ENTITIES[service]}:{entity_id}"


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

    def known(self, service: str, partition: int) -> str:
        """The set of all ids that a partition ever had: private, so that what Redis lost is not taken for new."""
        return self.partition_prefix(service, partition) + KNOWN

    def entity(self, service: str, partition: int, entity_id: str) -> str:
        """The projection's hash, a companion's too."""
        return self.partition_prefix(service, partition) + name_of(service, entity_id)

    def deleted(self, service: str, partition: int, entity_id: str) -> str:
        """What the fold keeps of an entity that was deleted: private, so that its past can't come to life again."""
        return f"{self.partition_prefix(service, partition)}{DELETED}:{entity_id}"

    def table(self, service: str, partition: int, entity_id: str, table: str) -> str:
        """One of the hashes beside an entity's own, such as a version's ``orders``."""
        return f"{self.entity(service, partition, entity_id)}:{table}"

    def history(self, service: str, partition: int, entity_id: str) -> str:
        """The list of an entity's log records."""
        return self.entity(service, partition, entity_id) + ":log"

    def stream(self, service: str, partition: int, entity_id: str, stream: str) -> str:
        """One of an entity's append-only streams, such as an agent's ``equity``."""
        return f"{self.entity(service, partition, entity_id)}:{stream}"

    def index(self, service: str, partition: int, field: str, value: str) -> str:
        """The sorted set of the entities that have ``value`` in ``field``."""
        return f"{self.partition_prefix(service, partition)}by:{field}:{value}"
