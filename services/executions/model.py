"""The life of an execution (003): what a fact does to it, and what follows from that. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

from libs.contracts.executions import EXECUTED, FILL_FIELDS, RANKS, TERMINAL
from libs.contracts.operations import OUTCOME_EVENT
from libs.ledger.aggregate import Derived, Notice
from libs.ledger.differences import differing
from libs.ledger.document import Body, Shape, canonical
from libs.ledger.fact import Fact
from libs.ledger.reading import Document
from libs.ledger.tallies import Tally
from libs.ledger.verdict import Verdict
from services.executions.events import is_unknown

SHAPE: Final = Shape(
    fields=(
        "id",
        "strategy_id",
        "operation_id",
        "trader_id",
        "participant_code",
        "account_label",
        "status",
        "status_reason",
        "instructions",
        "created_at",
        "updated_at",
    ),
    nested=frozenset({"instructions"}),
    added=frozenset(),
)


class Execution(NamedTuple):
    """An execution; ``status`` is None until a fact was applied, ``filled`` indexes its executed instructions.

    ``strategy_id`` and ``operation_id`` are those of its first status change, even of one that was ignored.
    """

    id: str
    strategy_id: str | None = None
    operation_id: str | None = None
    status: str | None = None
    status_reason: str = ""
    body: Body | None = None
    filled: frozenset[int] = frozenset()


def initial(execution_id: str) -> Execution:
    """An execution of which nothing is known."""
    return Execution(execution_id)


def fold(state: Execution, fact: Fact) -> Verdict:
    """Decide what a fact that was never seen before means."""
    body = fact.body
    if is_unknown(body):
        return Verdict.IGNORED
    if state.strategy_id is not None and _identity(body) != (state.strategy_id, state.operation_id):
        return Verdict.CONFLICT
    rank = RANKS.get(body["status"])
    if rank is None:
        return Verdict.IGNORED
    if state.status is None or rank > RANKS[state.status]:
        return Verdict.APPLIED
    return Verdict.CONFLICT if rank == TERMINAL else Verdict.LATE


def evolve(state: Execution, fact: Fact, verdict: Verdict) -> Execution:
    """The execution after a fact; only an applied one changes it, and the first status change says whose it is."""
    body = fact.body
    if verdict is Verdict.IGNORED and is_unknown(body):  # what a log says was applied stays applied
        return state
    strategy_id, operation_id = state.strategy_id, state.operation_id
    if strategy_id is None:
        strategy_id, operation_id = _identity(body)
    if verdict is not Verdict.APPLIED:
        return state._replace(strategy_id=strategy_id, operation_id=operation_id)
    return Execution(
        id=state.id,
        strategy_id=strategy_id,
        operation_id=operation_id,
        status=body["status"],
        status_reason=body["status_reason"],
        body=canonical(body, SHAPE, fact.plain),
        filled=state.filled | filled(body["instructions"]),
    )


def _identity(body: Document) -> tuple[str, str]:
    return body["strategy_id"].lower(), body["operation_id"].lower()


def filled(instructions: list[Document]) -> frozenset[int]:
    """The indexes of the instructions that are executed."""
    executed = [i for i, instruction in enumerate(instructions) if instruction["status"] == EXECUTED]
    return frozenset(executed)


def derive(before: Execution, after: Execution, fact: Fact, verdict: Verdict) -> list[Derived]:
    """What follows from a fact, in order."""
    if verdict is Verdict.CONFLICT:
        return [Derived("execution.disputed", _dispute(before, fact))]
    if verdict is not Verdict.APPLIED:
        return []
    body = fact.body
    events = []
    if before.status is None:
        events.append(Derived("execution.created", {name: body[name] for name in _CREATED}))
    newly_filled = sorted(after.filled - before.filled)
    events += [Derived("instruction.executed", _fill(body, index)) for index in newly_filled]
    if RANKS[body["status"]] == TERMINAL:
        events.append(Derived(f"execution.{body['status']}", {name: body[name] for name in _ENDED}))
    return events


_OWNER: Final = ("strategy_id", "operation_id", "trader_id", "participant_code", "account_label")
_CREATED: Final = (*_OWNER, "status", "created_at")
_ENDED: Final = (*_OWNER, "status", "status_reason", "updated_at")
_FILLED: Final = (
    "underlying_currency",
    "quoted_currency",
    "side",
    "amount",
    "amount_type",
    "status",
    "status_reason",
    *FILL_FIELDS,
)
_CLAIMS: Final = ("strategy_id", "operation_id", "status", "status_reason")


def _fill(body: Document, index: int) -> dict[str, Any]:
    instruction = body["instructions"][index]
    return {
        "index": index,
        "strategy_id": body["strategy_id"],
        "operation_id": body["operation_id"],
        **{name: instruction[name] for name in _FILLED},
    }


def _dispute(before: Execution, fact: Fact) -> dict[str, Any]:
    stands = {"status": before.status, "status_reason": before.status_reason}
    claimed = {name: fact.body[name] for name in _CLAIMS}
    return {"stands": stands, "claimed": claimed, "differs": _differing(before, fact.body)}


def _differing(before: Execution, body: Document) -> list[str]:
    """Where a claim says otherwise than what stands: pointers into its body."""
    if before.body is not None:
        return differing(before.body, canonical(body, SHAPE), SHAPE)
    pairs = zip(("strategy_id", "operation_id"), (before.strategy_id, before.operation_id), strict=True)
    return [f"/{name}" for name, known in pairs if body[name].lower() != known]


def notify(after: Execution, fact: Fact, verdict: Verdict) -> list[Notice]:
    """Every applied status is told to the operation."""
    if verdict is not Verdict.APPLIED:
        return []
    body = fact.body
    operation_id = body["operation_id"].lower()
    outcome = {
        "event": OUTCOME_EVENT,
        "id": operation_id,
        "execution_id": after.id,
        **{name: body[name] for name in ("status", "status_reason", "strategy_id", "updated_at")},
    }
    return [Notice("operations", operation_id, outcome)]


_ENDS: Final = frozenset(f"execution.{status}" for status, rank in RANKS.items() if rank == TERMINAL)
_DECIMALS: Final = 18  # the most that an amount may have


def tally(_before: Execution, _after: Execution, derived: Sequence[Derived]) -> Iterable[Tally]:
    """Ends by their reason, and what was filled by its currency: in units of 10^-18, so that the sum is exact."""
    for name, data in derived:
        if name == "instruction.executed":
            yield Tally("notional_e18", data["quoted_currency"], _units(data["total_notional"]))
        elif name in _ENDS:
            yield Tally("reason", data["status_reason"])


def _units(amount: str) -> int:
    whole, _, fraction = amount.partition(".")
    return int(whole + fraction.ljust(_DECIMALS, "0"))
