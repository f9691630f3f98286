"""What is asked of versions: a strategy of its own for each execution, portfolios of some positions, prices.

Of a strategy one version is on its way at a time. With a broker that fills what is ordered the broker would be measured
as well; with a fresh strategy each time nothing but the execution is.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Final

import orjson

from libs.ledger.digest import digest
from libs.ledger.reading import Document
from services.api import versions_command
from services.api.versions_command import Stamp
from services.api.versions_request import Wanted

POSITIONS: Final = (3, 50)
ORGANIZATION: Final = "bench"
VALUE: Final = "1000000"
_INVESTED: Final = 9_500  # hundredths of a percent; the rest is cash
_NOON_MS: Final = 1_741_608_000_000  # 2025-03-10T12:00:00Z
_KEY_AT: Final = b'"strategy_id":"'
_UUID: Final = 36

QUOTES: Final = {
    f"S{number:02}": {"price": f"{10 + number}.25", "step": "1", "minimum": "0"}
    for number in range(max(POSITIONS))
}


def strategy_id(number: int) -> str:
    """A strategy's id."""
    return str(uuid.UUID(int=number))


def body(positions: int) -> Document:
    """The body of a request to execute a portfolio of so many positions."""
    weight = f"{_INVESTED // positions / 100:.2f}"
    return {
        "data": {"positions": [{"symbol": symbol, "weight": weight} for symbol in list(QUOTES)[:positions]]}
    }


def wanted(positions: int) -> Wanted:
    """The same as the API reads it."""
    asked = body(positions)
    targets = tuple((one["symbol"], one["weight"]) for one in asked["data"]["positions"])
    return Wanted(targets, None, digest(asked).hex())


def executions(count: int, positions: int) -> Iterator[bytes]:
    """Commands as the API writes them, each of a strategy of its own."""
    asked = wanted(positions)
    quotes = {symbol: QUOTES[symbol] for symbol, _ in asked.targets}
    for number in range(count):
        stamp = Stamp(f"command-{number}", _NOON_MS + number)
        version_id = str(uuid.UUID(int=2**64 + number))
        command = versions_command.execute(
            stamp, strategy_id(number), version_id, ORGANIZATION, asked, quotes, VALUE
        )
        yield command.value


def registrations(count: int) -> Iterator[bytes]:
    """So many strategies that hold nothing but cash."""
    for number in range(count):
        data = {
            "organization_id": ORGANIZATION,
            "portfolio_value": VALUE,
            "cash_weight": "100",
            "positions": [],
        }
        yield orjson.dumps(
            {
                "event": "strategy.registered",
                "id": f"registration-{number}",
                "ts": "2025-03-10T12:00:00Z",
                "strategy_id": strategy_id(number),
                "data": data,
            }
        )


def key_of(command: bytes) -> bytes:
    """The routing key of a command: its strategy's id."""
    at = command.index(_KEY_AT) + len(_KEY_AT)
    return command[at : at + _UUID]
