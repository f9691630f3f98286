"""The services that are built, and the pure part of each, for commands that read what its worker wrote."""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any, Final

from libs.contracts.names import ENTITIES
from libs.ledger.aggregate import Aggregate
from services.cli.failures import Failure

BUILT: Final = ("operations", "executions", "versions", "agents", "strategies")
BUILT_ENTITIES: Final = tuple(ENTITIES[service] for service in BUILT)


def running(services: Sequence[str]) -> tuple[str, ...]:
    """Those of the services of STRATAFOLD_SERVICES that are built. Raises Failure where none is."""
    both = tuple(service for service in BUILT if service in services)
    if not both:
        raise Failure(f"STRATAFOLD_SERVICES: none of its services is built yet; {', '.join(BUILT)} are")
    return both


def check_built(service: str) -> str:
    """The service, in the spelling of the contract. Raises Failure for one that is not built."""
    if service not in BUILT:
        raise Failure(f"there is no service {service!r}: {', '.join(BUILT)} are")
    return service


def aggregate(service: str) -> Aggregate[Any]:
    """A built service's fold; its package is pure, only its worker brings clients along."""
    built: Aggregate[Any] = import_module(f"services.{service}").AGGREGATE
    return built
