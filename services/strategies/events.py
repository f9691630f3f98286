"""The facts of strategies: the envelopes of their status stream (004), and what connectors say."""

from __future__ import annotations

from typing import Final

from pydantic import ValidationError

from libs.contracts.strategies import (
    DATA,
    DEFAULT_ACCOUNT,
    EVERYTHING,
    SCOPE_EVENT,
    ConnectorScope,
    StrategyEvent,
)
from libs.ledger.checks import check_time
from libs.ledger.digest import digest
from libs.ledger.fact import Fact, Identity
from libs.ledger.invalid import Invalid, from_validation, shown
from libs.ledger.reading import Document, read_exactly
from libs.ledger.times import milliseconds

_SAME: Final = ("event", "strategy_id", "seq", "ts", "data")  # what makes two envelopes the same fact
_RESERVED: Final = ":log"  # ends the key of an entity's history


def identify(document: Document, key: bytes | None) -> Identity:
    """A strategy is known by its account, the record's key, and its id. Raises Invalid."""
    account = _account(key)
    if document.get("event") == SCOPE_EVENT:
        return Identity(account, account, None)
    strategy_id = document.get("strategy_id")
    if "strategy_id" not in document:
        raise Invalid("missing_field", "strategy_id is missing", "/strategy_id")
    if not isinstance(strategy_id, str):
        raise Invalid("wrong_type", f"strategy_id is not a string: {shown(strategy_id)}", "/strategy_id")
    if strategy_id in ("", EVERYTHING) or strategy_id.endswith(_RESERVED):
        raise Invalid("unexpected_value", f"strategy_id is not an id: {shown(strategy_id)}", "/strategy_id")
    return Identity(f"{account}:{strategy_id}", account, None)


def _account(key: bytes | None) -> str:
    try:
        account = (key or b"").decode() or DEFAULT_ACCOUNT
    except UnicodeDecodeError:
        raise Invalid("malformed_key", f"the record's key is not UTF-8: {(key or b'')[:80]!r}") from None
    if ":" in account:
        raise Invalid("malformed_key", f"an account must not have a colon: {shown(account)}")
    return account


def validate(document: Document) -> None:
    """Refuse what 004 does not allow; of an unknown event only the envelope is judged. Raises Invalid."""
    event = document.get("event")
    try:
        (ConnectorScope if event == SCOPE_EVENT else StrategyEvent).model_validate(document)
    except ValidationError as failure:
        raise from_validation(failure) from None
    model = DATA.get(document["event"])
    if model is not None:
        try:
            model.model_validate(document["data"])
        except ValidationError as failure:
            wrong = from_validation(failure)
            raise Invalid(wrong.error, wrong.detail, f"/data{wrong.pointer}") from None
    check_time(document["ts"], "/ts")


def observe(document: Document, value: bytes) -> Fact:
    """The fact in a valid envelope; numbers in ``data`` are kept as the sender's literals."""
    exact = read_exactly(value)
    same = {name: exact.get(name) for name in _SAME}
    return Fact(milliseconds(document["ts"]), {**exact, "seq": document.get("seq")}, digest(same))
