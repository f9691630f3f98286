"""The commands that requests on versions become, for ``versions.in``. Pure: ids and the time are given."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson

from libs.contracts.versions import DELETE, EXECUTE, unusual_terms
from libs.ledger.invalid import Invalid
from libs.ledger.reading import check_caps
from libs.ledger.times import rfc3339
from services.api.refusals import Finding, Refusal
from services.api.versions_request import Wanted

Quotes = Mapping[str, Mapping[str, str]]

_POSITIONS: Final = "/data/positions"


class Command(NamedTuple):
    """A command: its own id, that of the strategy, whose partition it goes to, that of the version, and the record."""

    id: str
    strategy_id: str
    version_id: str
    value: bytes


class Stamp(NamedTuple):
    """What makes one command another: its id, and the time in ms since 1970 by the API's clock."""

    id: str
    at: int


def execute(
    stamp: Stamp,
    strategy_id: str,
    version_id: str,
    organization: str,
    wanted: Wanted,
    quotes: Quotes,
    portfolio_value: str,
) -> Command:
    """An execution, with the prices (of what is wanted and what is held) and the value that it is planned by.

    Raises Refusal (422) for more than one record can carry.
    """
    command = _command(
        EXECUTE,
        stamp,
        strategy_id,
        version_id=version_id,
        positions=[{"symbol": symbol, "weight": weight} for symbol, weight in wanted.targets],
        prices={symbol: quote["price"] for symbol, quote in quotes.items()},
        portfolio_value=portfolio_value,
        instruments=unusual_terms(quotes),
        idempotency_key=wanted.key,
        request=wanted.request,
        organization_id=organization,
    )
    try:
        check_caps(command.value)
    except Invalid as invalid:
        detail = (
            f"the positions, with the prices of what is held, are too many for one command: {invalid.detail}"
        )
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [Finding(_POSITIONS, detail)]) from None
    return command


def delete(stamp: Stamp, strategy_id: str, version_id: str, organization: str) -> Command:
    """A version's deletion."""
    return _command(DELETE, stamp, strategy_id, version_id=version_id, organization_id=organization)


def _command(event: str, stamp: Stamp, strategy_id: str, version_id: str, **data: Any) -> Command:
    body = {
        "event": event,
        "id": stamp.id,
        "ts": rfc3339(stamp.at),
        "strategy_id": strategy_id,
        "data": {"version_id": version_id, **data},
    }
    return Command(stamp.id, strategy_id, version_id, orjson.dumps(body))
