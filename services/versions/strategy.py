"""What the versions of a strategy share: what it holds, which of them is being executed, and requests' keys. Pure.

It sees each command before the version does. What it has to say of one is its ruling, which the version then follows;
it stands in the log record too, so that a version's history can be told by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from types import MappingProxyType
from typing import Any, Final

import orjson

from libs.contracts.versions import (
    ALREADY_EXECUTED,
    DATA,
    DRAFTED,
    DUE,
    EXECUTE,
    KEY_REPEATED,
    KEY_REUSED,
    MISSING_PRICES,
    NOT_FOUND,
    REGISTERED,
    TOO_LARGE,
    TOO_MANY_KEYS,
    UNKNOWN_SYMBOLS,
)
from libs.ledger.aggregate import Derived
from libs.ledger.digest import digest
from libs.ledger.fact import Fact
from libs.ledger.invalid import Invalid
from libs.ledger.reading import Document
from libs.ledger.verdict import Verdict
from services.versions.plan import ENDED, Plan, Portfolio, order_ids, plan, portfolio_of, targets_of

KEYS_FOR: Final = 24 * 3_600 * 1_000  # ms by the broker's clock
KEYS: Final = 1_000  # of a strategy that are remembered; a request with one more is to come again later
EXECUTIONS: Final = 1_000  # whose orders are remembered

_FOREMOST: Final = frozenset({NOT_FOUND, KEY_REPEATED, KEY_REUSED, TOO_MANY_KEYS})
_NOT_FINAL: Final = _FOREMOST | {MISSING_PRICES}
_NAMED: Final = 10  # symbols, in words; the refusal has them all
_NO_MORE: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a command is not carried out: a code, words, and what else belongs to that code."""

    code: str
    detail: str
    more: Mapping[str, Any] = field(default_factory=lambda: _NO_MORE)

    @property
    def foremost(self) -> bool:
        """Whether it counts before anything that the version itself has against the command."""
        return self.code in _FOREMOST


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a strategy says of a command: what it held when that came, or why it is not to be."""

    held: Portfolio | None = None
    objection: Refusal | None = None
    plan: Plan | None = None


@dataclass(frozen=True, slots=True)
class Key:
    """A request's key: when it came (ms, broker's clock), what it was, its version, the code of a refusal."""

    organization_id: str | None
    key: str
    request: str
    recorded: int
    version_id: str
    refused: str | None


@dataclass(frozen=True, slots=True)
class Execution:
    """An executed version, and where its command lies: from that come the ids of its orders."""

    version_id: str
    place: str
    orders: int


@dataclass(frozen=True, slots=True)
class Strategy:
    """A strategy; ``id`` is a companion's. ``held`` are the weights of the version executed last, ``before`` what was
    held until the one ``in_flight`` was, whose orders that have not ended are ``unended``.
    """

    id: str
    organization_id: str | None = None
    registered: bool = False
    portfolio_value: str | None = None
    held: Portfolio = field(default_factory=Portfolio)
    executed: str | None = None
    before: tuple[Portfolio, str | None] | None = None
    in_flight: str | None = None
    unended: frozenset[str] = frozenset()
    executions: tuple[Execution, ...] = ()
    keys: tuple[Key, ...] = ()
    ruling: Ruling | None = None

    @property
    def strategy_id(self) -> str:
        """The id without its mark."""
        return self.id.rpartition(":")[2]


def initial(subject: str) -> Strategy:
    """A strategy of which nothing is known."""
    return Strategy(subject)


def fold(state: Strategy, fact: Fact) -> Verdict:
    """Of a fact that is the strategy's own: a registration, or an event that nobody knows."""
    if fact.body["event"] != REGISTERED:
        return Verdict.IGNORED
    told = fact.body["data"]["organization_id"]
    return Verdict.CONFLICT if state.registered and told != state.organization_id else Verdict.APPLIED


@lru_cache(maxsize=4_096)
def _ids(execution: Execution) -> frozenset[str]:
    return frozenset(order_ids(execution.place, execution.orders))


def find(state: Strategy, fact: Fact) -> str:
    """The version that an order belongs to. Raises Invalid for an order that is not the strategy's."""
    order_id = fact.body["data"]["order_id"]
    for execution in reversed(state.executions):
        if order_id in _ids(execution):
            return execution.version_id
    raise Invalid(
        "unknown_order", f"the strategy has no order {order_id} in its last executions", "/data/order_id"
    )


def object_to(state: Strategy, fact: Fact) -> Refusal | None:
    """Why a command on a version is not to be carried out, as far as the strategy knows."""
    event, data = fact.body["event"], fact.body["data"]
    told = data.get("organization_id")
    if None not in (told, state.organization_id) and told != state.organization_id:
        return Refusal(NOT_FOUND, "the organization has no such strategy")
    if event not in (EXECUTE, DUE):
        return None
    known = _key(state, fact)
    if known is not None:
        more = {"version_id": known.version_id}
        if known.request == _request(data):
            return Refusal(KEY_REPEATED, "the same was requested under this key before", more)
        return Refusal(KEY_REUSED, "something else was requested under this key before", more)
    if data["idempotency_key"] is not None and len(fresh := _fresh(state, fact)) >= KEYS:
        wait = fresh[0].recorded + KEYS_FOR - fact.recorded
        return Refusal(
            TOO_MANY_KEYS, f"{KEYS} keys of this strategy are remembered for a day", {"wait_ms": wait}
        )
    if data.get("too_large"):
        return Refusal(TOO_LARGE, "the prices of what is wanted and held are more than one command can carry")
    unknown = [symbol for symbol, _ in targets_of(data) if symbol not in data["prices"]]
    if unknown:
        return Refusal(UNKNOWN_SYMBOLS, f"no price for {_listed(unknown)}", {"unknown_symbols": unknown})
    if state.in_flight is not None:
        return Refusal(ALREADY_EXECUTED, "another version is being executed", {"version_id": state.in_flight})
    missing = [symbol for symbol in state.held.weights if symbol not in data["prices"]]
    if missing:
        return Refusal(
            MISSING_PRICES, f"no price for {_listed(missing)}, which is held", {"symbols": missing}
        )
    return None


def _listed(symbols: list[str]) -> str:
    more = len(symbols) - _NAMED
    return ", ".join(symbols[:_NAMED]) + (f" and {more} more" if more > 0 else "")


def _fresh(state: Strategy, fact: Fact) -> list[Key]:
    """The keys that are not a day old, the oldest first."""
    return [key for key in state.keys if fact.recorded - key.recorded < KEYS_FOR]


def _key(state: Strategy, fact: Fact) -> Key | None:
    data = fact.body["data"]
    wanted = (data["organization_id"], data["idempotency_key"])
    if wanted[1] is None:
        return None
    for key in reversed(_fresh(state, fact)):
        if (key.organization_id, key.key) == wanted:
            return key
    return None


def _request(data: Document) -> str:
    """What tells a request from another one under the same key."""
    told = data.get("request")
    return told if isinstance(told, str) else digest({"positions": data["positions"]}).hex()


def evolve(state: Strategy, fact: Fact, verdict: Verdict) -> Strategy:
    """The strategy after a fact of its own, or after one of its versions'; its ruling is of this fact alone."""
    event = fact.body["event"]
    state = replace(state, ruling=None)
    if event not in DATA or verdict not in (Verdict.APPLIED, Verdict.IGNORED):
        return state
    data, applied = fact.body["data"], verdict is Verdict.APPLIED
    match event:
        case "strategy.registered":
            return _registered(state, data) if applied else state
        case "version.drafted" | "version.delete_requested":
            return replace(state, ruling=_ruling(state, fact, applied))
        case "version.execute_requested" | "version.due":
            return _executed(state, fact, applied)
        case "version.cancel_requested":
            ruling = _ruling(state, fact, applied)
            if applied and data["version_id"] == state.in_flight:
                return replace(_taken_back(state), ruling=ruling)
            return replace(state, ruling=ruling)
        case _:
            return _order_ended(state, data) if applied else state


def _ruling(state: Strategy, fact: Fact, applied: bool) -> Ruling | None:
    if applied:
        return Ruling(held=state.held) if fact.body["event"] == DRAFTED else None
    objection = object_to(state, fact)
    return None if objection is None else Ruling(objection=objection)


def _registered(state: Strategy, data: Document) -> Strategy:
    state = replace(state, portfolio_value=data["portfolio_value"])
    if state.registered:
        return state
    first = state.executed is None
    held = portfolio_of(targets_of(data)) if first else state.held
    return replace(state, registered=True, organization_id=data["organization_id"], held=held)


def _executed(state: Strategy, fact: Fact, applied: bool) -> Strategy:
    objection = None if applied else object_to(state, fact)
    refused = None if applied else ALREADY_EXECUTED if objection is None else objection.code
    state = _remembering(state, fact, refused)
    if not applied:
        return replace(state, ruling=None if objection is None else Ruling(objection=objection))
    version_id = fact.body["data"]["version_id"]
    made = plan(fact, state.held)
    unended = frozenset(order.id for order in made.orders if order.status not in ENDED)
    execution = Execution(version_id, fact.place, len(made.orders))
    return replace(
        state,
        held=made.portfolio,
        executed=version_id,
        before=(state.held, state.executed) if unended else None,
        in_flight=version_id if unended else None,
        unended=unended,
        executions=(*state.executions, execution)[-EXECUTIONS:],
        ruling=Ruling(held=state.held, plan=made),
    )


def _remembering(state: Strategy, fact: Fact, refused: str | None) -> Strategy:
    """With the request's key, where it has one and got an answer that stays."""
    data = fact.body["data"]
    name = data["idempotency_key"]
    if name is None or refused in _NOT_FINAL:
        return state
    key = Key(data["organization_id"], name, _request(data), fact.recorded, data["version_id"], refused)
    return replace(state, keys=(*_fresh(state, fact), key))


def _taken_back(state: Strategy) -> Strategy:
    """Nothing was sent, so that what is held is what was held before."""
    held, executed = state.before or (state.held, state.executed)
    return replace(state, held=held, executed=executed, before=None, in_flight=None, unended=frozenset())


def _order_ended(state: Strategy, data: Document) -> Strategy:
    if data["status"] not in ENDED or data["order_id"] not in state.unended:
        return state
    unended = state.unended - {data["order_id"]}
    if unended:
        return replace(state, unended=unended)
    return replace(state, before=None, in_flight=None, unended=unended)


def derive(before: Strategy, after: Strategy, fact: Fact, verdict: Verdict) -> list[Derived]:
    """Nothing: what happens is told of the versions."""
    return []


def extend(before: Strategy, after: Strategy) -> dict[str, int | str]:
    """The ruling as the log record's attribute, where there is one."""
    ruling = after.ruling
    if ruling is None:
        return {}
    told: dict[str, Any] = {}
    if ruling.held is not None:
        told["cash"] = ruling.held.cash
        told["weights"] = list(ruling.held.weights.items())
    if ruling.objection is not None:
        told["code"], told["detail"] = ruling.objection.code, ruling.objection.detail
        told["more"] = dict(ruling.objection.more)
    if after.organization_id is not None:
        told["organization"] = after.organization_id
    return {"ruling": orjson.dumps(told).decode()}


def recollect(attributes: Mapping[str, Any]) -> Strategy | None:
    """The strategy with the ruling that a log record tells, None where it tells none."""
    text = attributes.get("ruling")
    if text is None:
        return None
    told = orjson.loads(text)
    held = Portfolio(told["cash"], MappingProxyType(dict(told["weights"]))) if "cash" in told else None
    objection = Refusal(told["code"], told["detail"], told["more"]) if "code" in told else None
    return Strategy("", told.get("organization"), ruling=Ruling(held, objection))
