"""The facts of versions: commands on them, and what brokers tell of their orders (001)."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from pydantic import ValidationError

from libs.contracts.names import companion_of
from libs.contracts.versions import (
    DATA,
    DRAFTED,
    DUE,
    EXECUTE,
    ORDER_UPDATED,
    REGISTERED,
    Command,
)
from libs.ledger.checks import check_time, is_uuid, uuid_of
from libs.ledger.digest import digest
from libs.ledger.fact import Fact, Identity
from libs.ledger.invalid import Invalid, from_validation, pointer_to, shown
from libs.ledger.reading import Document
from libs.ledger.times import milliseconds
from services.versions.money import HUNDRED, minus, total

_LEAST_ROUNDED_SCALE: Final = 2
_OF_VERSIONS: Final = frozenset(DATA) - {REGISTERED, ORDER_UPDATED}
_WITH_TARGETS: Final = (REGISTERED, DRAFTED, EXECUTE, DUE)


def identify(document: Document, _: bytes | None) -> Identity:
    """A version is known by its id and the strategy's; of an order only the strategy knows whose it is.

    What concerns the strategy alone is the strategy's own. Raises Invalid.
    """
    strategy_id = uuid_of(document, "strategy_id")
    event = document.get("event")
    if event == ORDER_UPDATED:
        return Identity(None, strategy_id, None)
    if not isinstance(event, str) or event not in _OF_VERSIONS:
        return Identity(companion_of("versions", strategy_id), strategy_id, None)
    data = document.get("data")
    if not isinstance(data, dict):
        if "data" not in document:
            raise Invalid("missing_field", "data is missing", "/data")
        raise Invalid("wrong_type", f"data is not an object: {shown(data)}", "/data")
    try:
        return Identity(uuid_of(data, "version_id"), strategy_id, None)
    except Invalid as invalid:
        raise Invalid(invalid.error, invalid.detail, f"/data{invalid.pointer}") from None


def validate(document: Document) -> None:
    """Refuse what no API would have sent; of an unknown event only the envelope is judged. Raises Invalid."""
    try:
        Command.model_validate(document)
    except ValidationError as failure:
        raise from_validation(failure) from None
    check_time(document["ts"], "/ts")
    event = document["event"]
    model = DATA.get(event)
    if model is None:
        return
    data = document.get("data")
    if "data" not in document:
        raise Invalid("missing_field", "data is missing", "/data")
    try:
        model.model_validate(data)
    except ValidationError as failure:
        wrong = from_validation(failure)
        raise Invalid(wrong.error, wrong.detail, f"/data{wrong.pointer}") from None
    assert isinstance(data, dict)
    if event in _WITH_TARGETS:
        _check_targets(data, data["cash_weight"] if event == REGISTERED else None)
    _check_amounts(event, data)
    if event == DRAFTED and data["scheduled_for"] is not None:
        check_time(data["scheduled_for"], "/data/scheduled_for")


def _check_targets(data: Document, cash: str | None) -> None:
    """Refuse what is no portfolio: a symbol twice, less than nothing, weights of more than all there is."""
    symbols: set[str] = set()
    for at, target in enumerate(data["positions"]):
        pointer = f"/data/positions/{at}"
        if target["symbol"] in symbols:
            raise Invalid(
                "unexpected_value", f"symbol is there twice: {shown(target['symbol'])}", f"{pointer}/symbol"
            )
        symbols.add(target["symbol"])
        _not_below_zero(target["weight"], f"{pointer}/weight")
    weights = [target["weight"] for target in data["positions"]]
    if cash is not None:
        _not_below_zero(cash, "/data/cash_weight")
        weights.append(cash)
    rest = minus(HUNDRED, total(weights))
    scale = max((-int(Decimal(weight).as_tuple().exponent) for weight in weights), default=0)
    rounded = scale >= _LEAST_ROUNDED_SCALE and abs(rest) <= len(weights) * Decimal(1).scaleb(-scale)
    if (rest < 0 and not (cash is not None and rounded)) or (rest > 0 and cash is not None and not rounded):
        raise Invalid(
            "weights_sum",
            f"the weights sum to {total(weights)}, {'more than' if rest < 0 else 'not'} 100"
            if cash is None
            else f"the weights and cash_weight sum to {total(weights)}, not to 100",
            "/data/positions",
        )


def _check_amounts(event: str, data: Document) -> None:
    for pointer, amount, least in _amounts(event, data):
        if amount is not None:
            _not_below_zero(amount, pointer)
            if least and Decimal(amount) == 0:
                raise Invalid("unexpected_value", f"{pointer.rpartition('/')[2]} is zero", pointer)


def _amounts(event: str, data: Document) -> Iterable[tuple[str, Any, bool]]:
    """Pointer and text of the amounts that must not be negative, and whether they must not be zero either."""
    if event in (REGISTERED, EXECUTE, DUE):
        yield "/data/portfolio_value", data["portfolio_value"], False
    if event in (EXECUTE, DUE):
        for symbol, price in data["prices"].items():
            yield pointer_to(("data", "prices", symbol)), price, True
        for symbol, terms in data.get("instruments", {}).items():
            yield pointer_to(("data", "instruments", symbol, "step")), terms.get("step"), True
            yield pointer_to(("data", "instruments", symbol, "minimum")), terms.get("minimum"), False
    if event == ORDER_UPDATED:
        for name in ("filled_quantity", "filled_value", "filled_average_price"):
            yield f"/data/{name}", data[name], False


def _not_below_zero(amount: str, pointer: str) -> None:
    if Decimal(amount) < 0:
        name = pointer.rpartition("/")[2]
        raise Invalid("unexpected_value", f"{name} is less than zero: {shown(amount)}", pointer)


def observe(document: Document, _: bytes) -> Fact:
    """The fact in a valid command, which is known by its own id; ids in lower case."""
    body = {**document, "strategy_id": document["strategy_id"].lower()}
    data = document.get("data")
    if isinstance(data, dict):
        ids = {name: data[name].lower() for name in ("version_id", "order_id") if is_uuid(data.get(name))}
        body["data"] = {**data, **ids}
    return Fact(milliseconds(document["ts"]), body, digest({"id": document["id"]}))
