"""From what a user types for an entity to its service, its id and the partition it lies in. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from libs.contracts.names import ENTITIES, service_of
from libs.contracts.partitions import partition_of
from libs.ledger.checks import is_uuid
from services.cli.failures import Failure
from services.cli.folds import BUILT, BUILT_ENTITIES

_BY_UUID: Final = frozenset({"operations", "executions", "versions"})
_DEFAULT_ACCOUNT: Final = "default"


@dataclass(frozen=True, slots=True)
class Subject:
    """An entity; ``routing_key`` is None where its partition can't be told from what is known of it."""

    service: str
    id: str
    routing_key: str | None

    @property
    def entity(self) -> str:
        """The singular name of what it is."""
        return ENTITIES[self.service]

    def partitions(self, count: int) -> list[int]:
        """Where it can lie, of ``count`` partitions."""
        if self.routing_key is None:
            return list(range(count))
        return [partition_of(self.routing_key, count)]


def subject(entity: str, entity_id: str, account: str | None = None, strategy: str | None = None) -> Subject:
    """Judge what was typed. Raises Failure for an unknown entity or a malformed id."""
    try:
        service = service_of(entity)
    except KeyError:
        raise Failure(f"there is no entity {entity!r}; there are: {', '.join(BUILT_ENTITIES)}") from None
    if account is not None and service != "strategies":
        raise Failure("--account is for a strategy alone")
    if strategy is not None and service != "versions":
        raise Failure("--strategy is for a version alone")
    if not entity_id:
        raise Failure(f"the id of the {ENTITIES[service]} is empty")
    if service in _BY_UUID:
        entity_id = _uuid(entity_id, f"the id of the {ENTITIES[service]}")
    match service:
        case "versions":
            return Subject(service, entity_id, None if strategy is None else _uuid(strategy, "--strategy"))
        case "strategies":
            if (
                account is None and ":" in entity_id
            ):  # as the records have it; no account has a colon in its name
                return Subject(service, entity_id, entity_id.partition(":")[0])
            account = account or _DEFAULT_ACCOUNT
            return Subject(service, f"{account}:{entity_id}", account)
        case _:
            return Subject(service, entity_id, entity_id)


def check_built(entity: str) -> None:
    """Raises Failure for an entity that is none, or whose service is not there yet: nobody could have written it."""
    try:
        service = service_of(entity)
    except KeyError:
        raise Failure(f"there is no entity {entity!r}; there are: {', '.join(BUILT_ENTITIES)}") from None
    if service not in BUILT:
        raise Failure(
            f"no service folds the entity {ENTITIES[service]!r} yet; there are: {', '.join(BUILT_ENTITIES)}"
        )


def _uuid(text: str, what: str) -> str:
    if not is_uuid(text):
        raise Failure(f"{what} is not a UUID: {text!r}")
    return text.lower()
