"""The life of a version (001): what a command or a broker's word does to it, and what follows from that. Pure.

What an API puts into the commands, and how it reads what became of them:

- Every command is ``{"event", "id", "ts", "strategy_id", "data"}`` under the strategy's id as the record's key, with
  an ``id`` of its own and the API's clock as ``ts``: that is what ``inserted_at``, ``executed_at`` and an order's date
  show.
- ``version.execute_requested`` takes a new ``version_id``; the positions as they were requested; ``prices`` of all
  these symbols and of all that the strategy holds (``positions`` of the hash ``{versions.p}:strategy:<id>``), and
  ``instruments`` with their step and minimum, both from ``instruments.in``; ``portfolio_value`` of that hash;
  ``organization_id`` of the token; ``idempotency_key`` and, as ``request``, a digest of the whole body where there is
  more in it than positions.
- The outcome is there once the position of the strategy's partition has an ``input_offset`` of at least the command's
  own offset in ``versions.in``. Then, of the hash ``{versions.p}:version:<version_id>``: where no entry of ``refused``
  has the command's id as ``command``, and ``executed_at`` is not null, 202 with this version. Else that entry says why
  not: ``already-executed``, ``unknown-symbols`` (with ``unknown_symbols``) and ``idempotency-key-reused`` are 422,
  ``not-found`` is 404; ``idempotency-key-repeated`` is the first answer again, that of its ``version_id``: of its
  history the record with the execution (the document as of that), or the refusal there; ``missing-prices``: the
  strategy held something else meanwhile, so that it is to be sent again with other prices (no key is used up).
- A version of which only refusals are known has a hash, but its ``inserted_at`` is null: there is no such version.
- ``version.delete_requested``: 204 where the hash is gone then, else an entry of ``refused`` has the code, such as
  ``already-executed``. Of a version that was deleted nothing is left but what the fold itself remembers.
- Positions and orders are arrays of the hash, and row by row in the hashes ``:positions`` and ``:orders`` beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from libs.contracts.versions import (
    ALREADY_EXECUTED,
    CANCEL,
    DATA,
    DELETE,
    DRAFTED,
    DUE,
    NOT_FOUND,
    ORDER_UPDATED,
)
from libs.ledger.aggregate import Derived
from libs.ledger.fact import Fact
from libs.ledger.reading import Document
from libs.ledger.times import milliseconds
from libs.ledger.verdict import Verdict
from services.versions.plan import (
    ENDED,
    FAILED,
    FILLED,
    IGNORED,
    PENDING,
    SENT,
    Order,
    Portfolio,
    Position,
    Targets,
    plan,
    portfolio_of,
    positions_of,
    stamp,
    targets_of,
)
from services.versions.strategy import Refusal, Ruling, object_to

SCHEDULED: Final = "SCHEDULED"
CREATING_ORDERS: Final = "CREATING_ORDERS"
IN_PROGRESS: Final = "IN_PROGRESS"
CANCELLED: Final = "CANCELLED"
COMPLETE: Final = "COMPLETE"

DELETED: Final = "deleted"
NOTHING_TO_CANCEL: Final = "nothing-to-cancel"

_REFUSALS: Final = 10  # that are shown
_WALK: Final = (PENDING, CREATING_ORDERS, IN_PROGRESS)
_RANKS: Final = {PENDING: 0, SENT: 1, FILLED: 2, FAILED: 2, IGNORED: 2}
_TOLD: Final = frozenset({PENDING, SENT, FILLED, FAILED})  # IGNORED is ours to say
_GROWING: Final = ("filled_quantity", "filled_value")
_FILLS: Final = (*_GROWING, "filled_average_price")


@dataclass(frozen=True, slots=True)
class Version:
    """A version; ``inserted_at`` is None as long as only refusals are known of it.

    ``targets`` are the positions as they were asked for. ``sent`` says that a broker had one of the orders.
    ``refused`` are the last commands on it that were refused, the latest last.
    """

    id: str
    strategy_id: str | None = None
    organization_id: str | None = None
    targets: Targets = ()
    cash_weight: str | None = None
    old_cash_weight: str | None = None
    scheduled_for: str | None = None
    status: str | None = None
    executed_at: str | None = None
    inserted_at: str | None = None
    positions: tuple[Position, ...] = ()
    orders: tuple[Order, ...] = ()
    sent: bool = False
    deleted: bool = False
    refused: tuple[Mapping[str, Any], ...] = ()


def initial(version_id: str) -> Version:
    """A version of which nothing is known."""
    return Version(version_id)


def fold(state: Version, fact: Fact) -> Verdict:
    """Decide what a command that was never seen before means; one that is refused changes nothing: it is ignored."""
    event, data = fact.body["event"], fact.body["data"]
    if state.strategy_id not in (None, fact.body["strategy_id"]):
        return Verdict.CONFLICT
    if event == ORDER_UPDATED:
        return _judge_order(state, data)
    objection = object_to(fact.context, fact)
    overtaken = (event == DUE and (not _is_due(state, fact) or _waits(objection))) or (
        event == CANCEL and state.status == CANCELLED
    )
    if overtaken and not state.deleted:
        return Verdict.LATE
    return Verdict.APPLIED if _refusal(state, fact, objection) is None else Verdict.IGNORED


def _is_due(state: Version, fact: Fact) -> bool:
    """Whether a tick is of the version as it is scheduled now."""
    if state.status != SCHEDULED or state.scheduled_for is None:
        return False
    return milliseconds(state.scheduled_for) <= fact.at and state.targets == targets_of(fact.body["data"])


def _waits(objection: Refusal | None) -> bool:
    """Whether another version got in between a tick and its record: this one's time comes, and is told of again."""
    return objection is not None and objection.code == ALREADY_EXECUTED


def _refusal(state: Version, fact: Fact, objection: Refusal | None) -> Refusal | None:
    """Why a command is not carried out: what the strategy has against it, and what the version has."""
    if objection is not None and objection.foremost:
        return objection
    return _own_refusal(state, fact.body["event"]) or objection


def _own_refusal(state: Version, event: str) -> Refusal | None:
    if state.deleted:
        code = DELETED if event == DRAFTED else NOT_FOUND
        return Refusal(code, "the version was deleted")
    if state.inserted_at is None:
        unknown = event in (DELETE, CANCEL)
        return Refusal(NOT_FOUND, "there is no such version") if unknown else None
    executed = Refusal(ALREADY_EXECUTED, "the version has been executed")
    if event == CANCEL:
        if state.status is None:
            return Refusal(NOTHING_TO_CANCEL, "the version is a draft")
        return executed if state.status not in (SCHEDULED, PENDING, CREATING_ORDERS) else None
    if state.executed_at is not None:
        return executed
    if state.status == CANCELLED and event != DELETE:
        return Refusal(ALREADY_EXECUTED, "the version has been cancelled")
    return None


def _judge_order(state: Version, data: Document) -> Verdict:
    order = _order(state, data["order_id"])
    if order is None or data["status"] not in _TOLD:
        return Verdict.IGNORED
    if order.status in ENDED:
        return _judge_ended(order, data)
    more, less = _more(order, data), _less(order, data)
    rank, known = _RANKS[data["status"]], _RANKS[order.status]
    if less or rank < known or (rank == known and not more and data["status"] != PENDING):
        return Verdict.LATE
    if data["status"] == PENDING and not more and state.status != PENDING:
        return Verdict.LATE
    return Verdict.APPLIED


def _judge_ended(order: Order, data: Document) -> Verdict:
    """Whether what is told of an order that has ended is merely old, or contradicts its end."""
    if order.status == IGNORED:
        return Verdict.LATE if data["status"] == PENDING else Verdict.CONFLICT
    if data["status"] not in ENDED:
        return Verdict.CONFLICT if _more(order, data) else Verdict.LATE
    same = data["status"] == order.status and not _more(order, data)
    return Verdict.LATE if same else Verdict.CONFLICT


def _filled(order: Order) -> Decimal:
    return Decimal(order.filled_quantity or 0)


def _more(order: Order, data: Document) -> bool:
    return any(told > known for told, known in _cumulative(order, data))


def _less(order: Order, data: Document) -> bool:
    return any(told < known for told, known in _cumulative(order, data))


def _cumulative(order: Order, data: Document) -> list[tuple[Decimal, Decimal]]:
    """Quantity and value as they are told, where they are, and as they were known; an average goes either way."""
    return [
        (Decimal(data[name]), Decimal(getattr(order, name) or 0))
        for name in _GROWING
        if data[name] is not None
    ]


def _order(state: Version, order_id: str) -> Order | None:
    return next((order for order in state.orders if order.id == order_id), None)


def evolve(state: Version, fact: Fact, verdict: Verdict) -> Version:
    """The version after a command or a broker's word."""
    event = fact.body["event"]
    if state.strategy_id is None:
        state = replace(state, strategy_id=fact.body["strategy_id"])
    if event not in DATA:
        return state
    if verdict is Verdict.IGNORED and event != ORDER_UPDATED:
        return _refusing(state, fact)
    if verdict is not Verdict.APPLIED:
        return state
    match event:
        case "version.drafted":
            return _drafted(state, fact)
        case "version.execute_requested" | "version.due":
            return _executed(state, fact)
        case "version.delete_requested":
            return Version(state.id, state.strategy_id, deleted=True)
        case "version.cancel_requested":
            return _cancelled(state, fact)
        case _:
            return _order_told(state, fact)


def _ruling(fact: Fact) -> Ruling:
    """What the strategy said of the command; a history that is too old to tell knows of nothing that was held."""
    ruling = None if fact.context is None else fact.context.ruling
    return Ruling() if ruling is None else ruling


def _refusing(state: Version, fact: Fact) -> Version:
    refusal = _refusal(state, fact, _ruling(fact).objection)
    if refusal is None:
        return state
    entry = {
        "command": fact.body["id"],
        "event": fact.body["event"],
        "code": refusal.code,
        "detail": refusal.detail,
        **refusal.more,
    }
    if _same_again(state, entry):
        return state
    return replace(state, refused=(*state.refused, MappingProxyType(entry))[-_REFUSALS:])


def _same_again(state: Version, entry: Mapping[str, Any]) -> bool:
    """Whether a tick was refused for the same as the one before: it is sent again and again."""
    if not state.refused or entry["event"] != DUE:
        return False
    last = state.refused[-1]
    return last.keys() == entry.keys() and all(
        last[name] == entry[name] for name in entry if name != "command"
    )


def _organization(state: Version, fact: Fact) -> str | None:
    known = None if fact.context is None else fact.context.organization_id
    told: str | None = known or fact.body["data"].get("organization_id") or state.organization_id
    return told


def _drafted(state: Version, fact: Fact) -> Version:
    data = fact.body["data"]
    held = _ruling(fact).held or Portfolio()
    targets, planned = targets_of(data), data["scheduled_for"]
    return replace(
        state,
        organization_id=_organization(state, fact),
        targets=targets,
        cash_weight=portfolio_of(targets).cash,
        old_cash_weight=held.cash,
        scheduled_for=None if planned is None else stamp(milliseconds(planned)),
        status=None if planned is None else SCHEDULED,
        inserted_at=state.inserted_at or stamp(fact.at),
        positions=positions_of(targets, held, fact.place, state.positions),
    )


def _executed(state: Version, fact: Fact) -> Version:
    ruling = _ruling(fact)
    held = ruling.held or Portfolio()
    made = ruling.plan or plan(fact, held)
    targets, positions = targets_of(fact.body["data"]), made.positions
    if state.positions:  # those of the draft keep their ids
        positions = positions_of(targets, held, fact.place, state.positions)
    now = stamp(fact.at)
    executed = replace(
        state,
        organization_id=_organization(state, fact),
        targets=targets,
        cash_weight=made.portfolio.cash,
        old_cash_weight=held.cash,
        status=PENDING,
        executed_at=now,
        inserted_at=state.inserted_at or now,
        positions=positions,
        orders=made.orders,
    )
    return replace(executed, status=_status(executed))


def _cancelled(state: Version, fact: Fact) -> Version:
    """Nothing was sent: what was to be ordered is not."""
    over = {"status": IGNORED, "status_reason": "cancelled", "updated_at": stamp(fact.at)}
    orders = tuple(one if one.status in ENDED else replace(one, **over) for one in state.orders)
    return replace(state, status=CANCELLED, orders=orders)


def _order_told(state: Version, fact: Fact) -> Version:
    data = fact.body["data"]
    order = _order(state, data["order_id"])
    if order is None:  # of a history that is not told from its beginning
        return state
    fills = {name: data[name] for name in _FILLS if data[name] is not None}
    told = replace(
        order, status=data["status"], status_reason=data["status_reason"], updated_at=stamp(fact.at), **fills
    )
    orders = tuple(told if one is order else one for one in state.orders)
    sent = state.sent or told.status in (SENT, FILLED) or _filled(told) > 0
    after = replace(state, orders=orders, sent=sent, status=CREATING_ORDERS)
    return replace(after, status=_status(after))


def _status(state: Version) -> str | None:
    """The status that the orders of an executed version make; without any that is to be sent it is complete."""
    if all(order.status in ENDED for order in state.orders):
        return FAILED if any(order.status == FAILED for order in state.orders) else COMPLETE
    return IN_PROGRESS if state.sent else state.status


def derive(before: Version, after: Version, fact: Fact, verdict: Verdict) -> list[Derived]:
    """What follows from a command or a broker's word, in order."""
    event = fact.body["event"]
    about = {"version_id": after.id, "strategy_id": after.strategy_id}
    if verdict is Verdict.IGNORED:
        if after.refused == before.refused:
            return []
        return [Derived("version.refused", {**about, **after.refused[-1]})]
    if verdict is not Verdict.APPLIED:
        return []
    steps = _steps(about, before, after)
    match event:
        case "version.drafted":
            told = [
                Derived(
                    "version.drafted", {**about, **_portfolio(after), "positions": _plain(after.positions)}
                )
            ]
            if after.scheduled_for is not None and after.scheduled_for != before.scheduled_for:
                told.append(Derived("version.scheduled", {**about, "scheduled_for": after.scheduled_for}))
            return told + steps
        case "version.execute_requested" | "version.due":
            executed = {
                **about,
                **_portfolio(after),
                "executed_at": after.executed_at,
                "portfolio_value": fact.body["data"]["portfolio_value"],
                "positions": _plain(after.positions),
            }
            created = [Derived("order.created", {**about, **one}) for one in _plain(after.orders)]
            return [Derived("version.executed", executed), *created, *steps, *_end(about, before, after)]
        case "version.delete_requested":
            return [Derived("version.deleted", about)]
        case "version.cancel_requested":
            changed = _plain(_changed(before, after))
            told = [Derived("order.updated", {**about, **one}) for one in changed]
            return [Derived("version.cancelled", about), *told, *steps]
        case _:
            changed = _plain(_changed(before, after))
            told = [Derived("order.updated", {**about, **one}) for one in changed]
            return [*told, *steps, *_end(about, before, after)]


def _steps(about: Document, before: Version, after: Version) -> list[Derived]:
    """Each status that the version went through, also those that it did not stay in."""
    if after.status == before.status or after.deleted:
        return []
    passed = [after.status]
    if after.executed_at is not None and after.status != CANCELLED:
        walk = list(_WALK if after.sent else _WALK[:2])
        if before.executed_at is None:  # all at once, with nothing to be sent
            walk = [PENDING]
        begun = walk.index(before.status) + 1 if before.status in walk else 0
        ended = walk.index(after.status) + 1 if after.status in walk else len(walk)
        passed = [*walk[begun:ended], *([] if after.status in walk else [after.status])]
    ways = zip([before.status, *passed], passed, strict=False)
    return [Derived("version.status_changed", {**about, "from": one, "to": other}) for one, other in ways]


def _end(about: Document, before: Version, after: Version) -> list[Derived]:
    if after.status == before.status or after.status not in (COMPLETE, FAILED):
        return []
    counts = {
        name.lower(): sum(order.status == name for order in after.orders)
        for name in (FILLED, IGNORED, FAILED)
    }
    name = "version.completed" if after.status == COMPLETE else "version.failed"
    return [Derived(name, {**about, "orders": counts})]


def _portfolio(state: Version) -> Document:
    return {
        "cash_weight": state.cash_weight,
        "old_cash_weight": state.old_cash_weight,
        "scheduled_for": state.scheduled_for,
    }


def _changed(before: Version, after: Version) -> list[Order]:
    return [one for was, one in zip(before.orders, after.orders, strict=True) if one != was]


def _plain(items: Sequence[Position] | Sequence[Order]) -> list[Document]:
    return [plain(one) for one in items]


def plain(one: Position | Order) -> Document:
    """A position or an order by the names of 001."""
    return {name: getattr(one, name) for name in type(one).__slots__}
