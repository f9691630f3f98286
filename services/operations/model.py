"""The life of an operation (000): what a fact does to it, and what follows from that. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from libs.contracts.executions import RANKS as EXECUTION_RANKS
from libs.contracts.executions import TERMINAL as EXECUTION_TERMINAL
from libs.contracts.monitoring import SETTLEMENT_BOUNDS_MS
from libs.contracts.operations import RANKS, TERMINAL
from libs.ledger.aggregate import Derived, Notice
from libs.ledger.differences import differing
from libs.ledger.document import Body, Shape, canonical
from libs.ledger.fact import Fact
from libs.ledger.reading import Document
from libs.ledger.tallies import Tally
from libs.ledger.times import milliseconds
from libs.ledger.verdict import Verdict
from services.operations.events import is_outcome, is_unknown, weights_rounded

SHAPE: Final = Shape(
    fields=(
        "id",
        "strategy_id",
        "request_id",
        "type",
        "status",
        "status_reason",
        "allocations",
        "created_at",
        "updated_at",
    ),
    nested=frozenset({"allocations"}),
    added=frozenset({"executions", "execution_ids", "weights_rounded"}),
)
_COUNTED: Final = ("awaiting_execution", "settled", "rejected", "skipped")
_NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Operation(NamedTuple):
    """An operation and its executions; ``status`` is None until a status change was applied.

    ``strategy_id``, ``request_id`` and ``type`` are those of the first fact that names them, even of one that
    was ignored.

    ``executions`` maps execution ids to statuses. ``mismatched`` says that the last judgement found
    the operation's end and its executions in disagreement.
    """

    id: str
    strategy_id: str | None = None
    request_id: str | None = None
    type: str | None = None
    status: str | None = None
    status_reason: str = ""
    updated_at: int = 0
    body: Body | None = None
    weights_rounded: bool = False
    executions: Mapping[str, str] = _NONE
    mismatched: bool = False


def initial(operation_id: str) -> Operation:
    """An operation of which nothing is known."""
    return Operation(operation_id)


def fold(state: Operation, fact: Fact) -> Verdict:
    """Decide what a fact that was never seen before means."""
    body = fact.body
    if is_unknown(body):
        return Verdict.IGNORED
    if state.strategy_id is not None and body["strategy_id"].lower() != state.strategy_id:
        return Verdict.CONFLICT
    if is_outcome(body):
        known = state.executions.get(body["execution_id"].lower())
        return _ranked(body["status"], known, EXECUTION_RANKS, EXECUTION_TERMINAL)
    if state.request_id is not None and (body["request_id"].lower(), body["type"]) != (
        state.request_id,
        state.type,
    ):
        return Verdict.CONFLICT
    return _ranked(body["status"], state.status, RANKS, TERMINAL)


def _ranked(status: str, known: str | None, ranks: Mapping[str, int], terminal: int) -> Verdict:
    rank = ranks.get(status)
    if rank is None:
        return Verdict.IGNORED
    if known is None or rank > ranks[known]:
        return Verdict.APPLIED
    return Verdict.CONFLICT if rank == terminal else Verdict.LATE


def evolve(state: Operation, fact: Fact, verdict: Verdict) -> Operation:
    """The operation after a fact; only an applied one changes it, and the first ones say whose it is."""
    body = fact.body
    if verdict is Verdict.IGNORED and is_unknown(body):  # what a log says was applied stays applied
        return state
    if verdict is not Verdict.CONFLICT:
        state = _identified(state, body)
    if verdict is not Verdict.APPLIED:
        return state
    if is_outcome(body):
        executions = {**state.executions, body["execution_id"].lower(): body["status"]}
        after = state._replace(executions=executions)
    else:
        after = state._replace(
            status=body["status"],
            status_reason=body["status_reason"],
            updated_at=fact.at,
            body=canonical(body, SHAPE, fact.plain),
            weights_rounded=weights_rounded(body),
        )
    agrees = judge(after)
    return after if agrees is None else after._replace(mismatched=not agrees)


def _identified(state: Operation, body: Document) -> Operation:
    if state.strategy_id is None:
        state = state._replace(strategy_id=body["strategy_id"].lower())
    if state.request_id is None and not is_outcome(body):
        state = state._replace(request_id=body["request_id"].lower(), type=body["type"])
    return state


def counts(state: Operation) -> dict[str, int]:
    """The operation's executions by status."""
    statuses = list(state.executions.values())
    return {"total": len(statuses), **{status: statuses.count(status) for status in _COUNTED}}


def judge(state: Operation) -> bool | None:
    """Whether an ended operation and its complete set of executions agree by the reasons of 000.

    None where there is nothing to judge: not ended, no execution known, one still awaited, or a reason
    that claims nothing about executions. A status that is claimed may be any.
    """
    if RANKS.get(state.status or "") != TERMINAL or not state.executions:
        return None
    n = counts(state)
    if n["awaiting_execution"]:
        return None
    match state.status, state.status_reason:
        case _, "no_executions":
            return False
        case "settled", "":
            return n["settled"] > 0 and not n["rejected"]
        case "settled", "partial_success":
            return n["settled"] > 0 and n["rejected"] > 0
        case "failed", "all_rejected":
            return n["rejected"] == n["total"]
        case "skipped", "" | "all_skipped":
            return n["skipped"] == n["total"]
        case _:
            return None


def derive(before: Operation, after: Operation, fact: Fact, verdict: Verdict) -> list[Derived]:
    """What follows from a fact, in order."""
    if verdict is Verdict.CONFLICT:
        return [Derived("operation.disputed", _dispute(before, fact))]
    if verdict is not Verdict.APPLIED:
        return []
    events = [] if is_outcome(fact.body) else _status_events(before, after, fact)
    if after.mismatched != before.mismatched:
        name = "operation.mismatch" if after.mismatched else "operation.reconciled"
        events.append(Derived(name, {**_status(after), "executions": _outcomes(after)}))
    return events


def _status_events(before: Operation, after: Operation, fact: Fact) -> list[Derived]:
    events = []
    if before.status is None:
        started = {
            name: fact.body[name] for name in ("strategy_id", "request_id", "type", "status", "created_at")
        }
        events.append(Derived("operation.started", started))
    else:
        change = {"from": before.status, "to": after.status, "dwell_ms": after.updated_at - before.updated_at}
        events.append(Derived("operation.status_changed", {**change, "status_reason": after.status_reason}))
    if RANKS[str(after.status)] == TERMINAL:
        duration = after.updated_at - milliseconds(fact.body["created_at"])
        completed = {**_status(after), "duration_ms": duration, "executions": _outcomes(after)}
        events.append(Derived("operation.completed", completed))
    return events


def _status(state: Operation) -> dict[str, Any]:
    return {"status": state.status, "status_reason": state.status_reason}


def _outcomes(state: Operation) -> dict[str, int]:
    n = counts(state)
    return {name: n[name] for name in ("total", "settled", "rejected", "skipped")}


def _dispute(before: Operation, fact: Fact) -> dict[str, Any]:
    claimed = {name: value for name, value in fact.body.items() if name in _CLAIMS}
    told: dict[str, Any] = {
        "stands": _status(before),
        "claimed": claimed,
        "differs": _differing(before, fact.body),
    }
    if is_outcome(fact.body):
        told["execution_status"] = before.executions.get(fact.body["execution_id"].lower())
    return told


def _differing(before: Operation, body: Document) -> list[str]:
    """Where a claim says otherwise than what stands: pointers into its body."""
    if before.body is not None and not is_outcome(body):
        return differing(before.body, canonical(body, SHAPE), SHAPE)
    known = {"strategy_id": before.strategy_id}
    if is_outcome(body):
        known["status"] = before.executions.get(body["execution_id"].lower())
    else:
        known |= {"request_id": before.request_id, "type": before.type}
    return [f"/{name}" for name, value in known.items() if value is not None and _known(name, body) != value]


def _known(name: str, body: Document) -> str:
    """A claim's field as the operation would keep it: ids in lower case."""
    value: str = body[name]
    return value.lower() if name.endswith("_id") else value


_CLAIMS: Final = frozenset({"strategy_id", "request_id", "type", "execution_id", "status", "status_reason"})


def notify(after: Operation, fact: Fact, verdict: Verdict) -> list[Notice]:
    """An operation tells no other service anything."""
    return []


def tally(_before: Operation, _after: Operation, derived: Sequence[Derived]) -> Iterable[Tally]:
    """Ends by their reason, and the time from creation to settlement by its class."""
    for name, data in derived:
        if name == "operation.completed":
            yield Tally("reason", data["status_reason"])
            if data["status"] == "settled":
                place = bisect_left(SETTLEMENT_BOUNDS_MS, data["duration_ms"])
                bound = SETTLEMENT_BOUNDS_MS[min(place, len(SETTLEMENT_BOUNDS_MS) - 1)]
                yield Tally("settled_within_ms", str(bound), listed=True)
