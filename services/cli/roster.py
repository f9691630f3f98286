"""The processes that `up` runs: which there are, and which of them are meant. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.cli.failures import Failure
from services.cli.folds import BUILT


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the system: ``python -m package``. ``upstream`` is stopped first, since it makes work for others."""

    name: str
    package: str
    folds: bool = False
    upstream: bool = False
    demo: bool = False


PROCESSES: Final = (
    *(Process(service, f"services.{service}", folds=True) for service in BUILT),
    Process("gateway", "services.gateway"),
    Process("api", "services.api"),
    Process("simulator", "services.simulator", upstream=True, demo=True),
)
_DEMO: Final = frozenset({"gateway", "simulator"})


def roster(services: Sequence[str], only: Sequence[str], demo: bool) -> tuple[Process, ...]:
    """The processes to run: workers of ``services``, the rest; ``only`` narrows that, but a demo keeps what it needs.

    Raises Failure for a name that is none, and where nothing is left.
    """
    wanted = {name.strip() for word in only for name in word.split(",") if name.strip()}
    there = [one for one in PROCESSES if demo or not one.demo]
    for name in sorted(wanted - {one.name for one in there}):
        raise Failure(f"--only: {name!r} is none of {', '.join(one.name for one in there)}")
    if demo and wanted:
        wanted |= _DEMO
    chosen = tuple(
        one for one in there if (not wanted or one.name in wanted) and (not one.folds or one.name in services)
    )
    if not chosen:
        raise Failure("nothing is left to run: see STRATAFOLD_SERVICES and --only")
    return chosen
