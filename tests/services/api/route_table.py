"""Every route of REST, what it takes to be let in, and a world in which each has something to show."""

from __future__ import annotations

import json
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final, NamedTuple

from services.agents import AGGREGATE as AGENTS
from services.api.rate import Rate
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from services.strategies import AGGREGATE as ACCOUNTS
from tests.e2e.examples import EXECUTION_AWAITING, OPERATION_PRICING
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.agents import given as agents
from tests.services.api.versions_world import OWN, World, positions
from tests.services.strategies import given as accounts
from tests.services.versions.given import STRATEGY, VERSION, Body, drafted, registered


class Stranger(Enum):
    """What a token of another organization, with all scopes, gets where our own gets what it asks for."""

    NOTHING = "404"
    EMPTY = "a list without our things"
    THE_SAME = "what is nobody's own"


class Row(NamedTuple):
    """The scopes that a token needs for a route, all of them; ``local``: on this machine it needs none."""

    scopes: frozenset[str]
    stranger: Stranger
    query: tuple[str, ...] = ("",)
    body: Body | None = None
    local: bool = False
    keys: bool = False
    """Whether an API key of the account is as good as a token."""


Route = tuple[str, str]
"""A method, and a path as the application's route table has it."""

_SCHEDULED: Final = "&status=SCHEDULED"
_ORDERS: Final = "include=orders,positions"
_VERSIONS: Final = "/api/v1/strategies/{strategy_id}/versions"
_READ: Final = frozenset({"strategy_versions:read"})
_AGENTS: Final = frozenset({"agents:read"})
_STRATEGIES: Final = frozenset({"strategies:read"})
_WRITE: Final = frozenset({"strategy_versions:create", "strategy_versions:execute"})
_DELETE: Final = frozenset({"strategy_versions:delete"})
_AS_OF: Final = ("", "?as_of=1", "?as_of=2099-01-01T00:00:00Z")
_PAGE: Final = ("", "?limit=1")
TABLE: Final[Mapping[Route, Row]] = {
    ("GET", "/api/v1/strategies"): Row(
        _STRATEGIES, Stranger.EMPTY, (*_PAGE, "?status=deployed"), keys=True
    ),
    ("GET", "/api/v1/strategies/{strategy_id}"): Row(_STRATEGIES, Stranger.NOTHING, _AS_OF, keys=True),
    ("GET", "/api/v1/strategies/{strategy_id}/history"): Row(
        _STRATEGIES, Stranger.NOTHING, _PAGE, keys=True
    ),
    ("GET", _VERSIONS): Row(
        _READ, Stranger.NOTHING, (*_PAGE, f"?{_ORDERS}{_SCHEDULED}")
    ),
    ("GET", f"{_VERSIONS}/{{id}}"): Row(_READ, Stranger.NOTHING, (*_AS_OF, f"?{_ORDERS}")),
    ("GET", f"{_VERSIONS}/{{id}}/history"): Row(_READ, Stranger.NOTHING, _PAGE),
    ("POST", f"{_VERSIONS}/execute"): Row(_WRITE, Stranger.NOTHING, body=positions(NVDA="10")),
    ("DELETE", f"{_VERSIONS}/{{id}}"): Row(_DELETE, Stranger.NOTHING),
    **{
        route: row
        for name, status in (("operations", "pricing"), ("executions", "awaiting_execution"))
        for scope in [frozenset({f"{name}:read"})]
        for route, row in {
            ("GET", f"/api/v1/{name}"): Row(
                scope,
                Stranger.EMPTY,
                (*_PAGE, f"?strategy_id={STRATEGY}", f"?status={status}", f"?strategy_id={STRATEGY}&status={status}"),
            ),
            ("GET", f"/api/v1/{name}/{{id}}"): Row(scope, Stranger.NOTHING, _AS_OF),
            ("GET", f"/api/v1/{name}/{{id}}/history"): Row(scope, Stranger.NOTHING, _PAGE),
        }.items()
    },
    ("GET", "/agents"): Row(_AGENTS, Stranger.THE_SAME, _PAGE, local=True),
    ("GET", "/agents/{id}"): Row(_AGENTS, Stranger.THE_SAME, _AS_OF, local=True),
    **{
        ("GET", f"/agents/{{id}}/{what}"): Row(_AGENTS, Stranger.THE_SAME, _PAGE, local=True)
        for what in ("history", "equity", "trades", "journal", "risk/blocks")
    },
    **{
        ("GET", path): Row(frozenset({"live:read"}), Stranger.THE_SAME, more)
        for path, more in (
            ("/live/entity", ("", "&as_of=1")),
            ("/live/entity/history", ("", "&limit=1", "&after=1")),
            ("/live/equity", ("", "&limit=1")),
        )
    },
}  # fmt: skip
FILES: Final[frozenset[Route]] = frozenset({("GET", "/"), ("GET", "/page/{name}")})
"""The page itself, which is no JSON."""
OPEN: Final[frozenset[Route]] = FILES | frozenset(
    ("GET", path) for path in ("/healthz", "/readyz", "/metrics", "/openapi.json", "/asyncapi.json")
)
_IDS: Final = {
    "operations": json.loads(OPERATION_PRICING)["id"],
    "executions": json.loads(EXECUTION_AWAITING)["id"],
    "versions": VERSION,
    "agents": agents.ID,
}
OURS: Final = (STRATEGY, *_IDS.values())
"""What of ours an answer might give away."""


def parameters_of(template: str) -> dict[str, str]:
    """The ids in a path of what the world has for it."""
    service = template.removeprefix("/api/v1/").removeprefix("/").partition("/")[0]
    found = {"strategy_id": STRATEGY} if "{strategy_id}" in template else {}
    if "{name}" in template:
        found["name"] = "main.js"
    if "{id}" in template:
        found["id"] = _IDS["versions" if "/versions" in template else service]
    return found


def path_of(route: Route) -> str:
    """The path to what the world has for a route."""
    path = route[1].format(**parameters_of(route[1]))
    return f"{path}?service=agents&id={agents.ID}" if path.startswith("/live/") else path


def world(rate: Rate | None = None) -> World:
    """One of everything: a strategy with a version, an operation, an execution, a strategy's status; and an agent."""
    made = World(rate)
    made.push(registered({}, "100"), drafted({"NVDA": "10"}, at=3_600))
    status = {"channel": "strategy.status", "strategy_id": STRATEGY, "ts": accounts.at(0)}
    values: list[tuple[Any, str | None, Body]] = [
        (OPERATIONS, None, {**json.loads(OPERATION_PRICING), "strategy_id": STRATEGY}),
        (EXECUTIONS, None, {**json.loads(EXECUTION_AWAITING), "strategy_id": STRATEGY}),
        (ACCOUNTS, OWN, {**status, "event": "deployed", "seq": 1, "data": {}}),
        (AGENTS, agents.ID, agents.snapshot(0)),
    ]
    for aggregate, key, body in values:
        records = records_of([json.dumps(body).encode()], None if key is None else key.encode())
        made.others[aggregate.service] = fold_input(aggregate, records).store
    return made
