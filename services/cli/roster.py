"""The processes that `up` runs: which there are, and which of them are meant. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.cli.failures import Failure
from services.cli.folds import BUILT


@dataclass(frozen=True, slots=True)
class Process:
    """A process of the system: ``python -m package``. ``upstream`` is stopped first, since it makes work for others.

    ``arguments`` follow the package, ``{port}`` in them standing for the port that processes of a ``channel`` share.
    ``feeds`` is the service without whose worker it is of no use. ``measured`` are those whose health and metrics have
    a port of their own, which speak no HTTP otherwise.
    """

    name: str
    package: str
    folds: bool = False
    measured: bool = False
    upstream: bool = False
    demo: bool = False
    feeds: str | None = None
    channel: str | None = None
    arguments: tuple[str, ...] = ()


PROCESSES: Final = (
    *(Process(service, f"services.{service}", folds=True, measured=True) for service in BUILT),
    Process("gateway", "services.gateway"),
    Process("api", "services.api"),
    Process("metrics", "services.metrics", measured=True),
    Process("simulator", "services.simulator", upstream=True, demo=True),
    Process(
        "agent-upstream",
        "services.simulator.agent_upstream",
        demo=True,
        upstream=True,
        feeds="agents",
        channel="agents",
        arguments=("--port", "{port}", "--rate", "1", "--drop", "1", "--refuse", "0.3"),
    ),
    Process(
        "agent-connector",
        "services.connectors",
        measured=True,
        demo=True,
        feeds="agents",
        channel="agents",
        arguments=("agents", "--url", "ws://127.0.0.1:{port}/agents/current/stream"),
    ),
    Process(
        "strategy-upstream",
        "services.simulator.strategy_upstream",
        demo=True,
        upstream=True,
        feeds="strategies",
        channel="strategies",
        arguments=(
            "--port",
            "{port}",
            "--rate",
            "3",
            "--drop",
            "1",
            "--refuse",
            "0.4",
            "--replay",
            "6",
            "--jump",
            "0.003",
            "--double",
            "0.01",
        ),
    ),
    Process(
        "strategy-connector",
        "services.connectors",
        measured=True,
        demo=True,
        feeds="strategies",
        channel="strategies",
        arguments=("strategies", "--url", "ws://127.0.0.1:{port}/v1/ws", "--account", "demo"),
    ),
    Process(
        "portfolio-manager",
        "services.simulator.portfolio_manager",
        demo=True,
        upstream=True,
        feeds="versions",
    ),
    Process("broker", "services.simulator.broker", demo=True, upstream=True, feeds="versions"),
)
# What a demo of a service needs beside its worker.
_DEMO: Final = {
    "operations": ("gateway", "simulator"),
    "executions": ("gateway", "simulator"),
    "gateway": ("gateway", "simulator"),
    "versions": ("api", "portfolio-manager", "broker"),
    "agents": ("agent-upstream", "agent-connector"),
    "strategies": ("strategy-upstream", "strategy-connector"),
}


def placed(process: Process, ports: Mapping[str, int]) -> tuple[str, ...]:
    """The arguments of a process, with its channel's port in them."""
    if process.channel is None:
        return process.arguments
    return tuple(one.format(port=ports[process.channel]) for one in process.arguments)


def channels(chosen: Sequence[Process]) -> tuple[str, ...]:
    """The channels that need a port."""
    return tuple(dict.fromkeys(one.channel for one in chosen if one.channel is not None))


def folding(chosen: Sequence[Process]) -> tuple[str, ...]:
    """The services whose workers are among them: what readiness is to speak of."""
    return tuple(one.name for one in chosen if one.folds)


def roster(services: Sequence[str], only: Sequence[str], demo: bool) -> tuple[Process, ...]:
    """The processes to run: workers of ``services``, the rest; ``only`` narrows that, but a demo keeps what it needs.

    Raises Failure for a name that is none, and where nothing is left.
    """
    wanted = {name.strip() for word in only for name in word.split(",") if name.strip()}
    there = [one for one in PROCESSES if demo or not one.demo]
    for name in sorted(wanted - {one.name for one in there}):
        raise Failure(f"--only: {name!r} is none of {', '.join(one.name for one in there)}")
    if demo:
        wanted |= {needed for name in wanted for needed in _DEMO.get(name, ())}
    chosen = tuple(
        one
        for one in there
        if (not wanted or one.name in wanted)
        and (not one.folds or one.name in services)
        and (one.feeds is None or one.feeds in services)
    )
    if not chosen:
        raise Failure("nothing is left to run: see STRATAFOLD_SERVICES and --only")
    return chosen
