"""From which number on a stream is asked for: what Kafka has, and nothing that was only received. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Final

import orjson

from libs.contracts.strategies import EVERYTHING, SCOPE_EVENT, SNAPSHOT_EVENT
from libs.ledger.times import milliseconds
from services.connectors.frames import Event, event_of

RECONCILING: Final = "reconciling"  # in the data of a connector.scope: strategies are still to be asked for
_STALLS: Final = 2  # connections in a row that ended on a frame over the bound before anything got to Kafka
_SNAPSHOT: Final = f'"event":"{SNAPSHOT_EVENT}"'.encode()  # as we write it
_NONE: Final[Mapping[str, int]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Progress:
    """What Kafka has of an account; ``numbers`` are the last ones by strategy, ``newest`` the latest time in ms.

    ``number`` is the last of all since upstream's counter last began anew. ``reconciling`` is True from a refused
    replay until every known strategy was asked for.
    """

    number: int | None = None
    newest: int = 0
    numbers: Mapping[str, int] = field(default_factory=lambda: _NONE)
    reconciling: bool = False

    @property
    def seen(self) -> frozenset[str]:
        """The strategies that had an event."""
        return frozenset(self.numbers)


def advance(progress: Progress, event: Event) -> Progress:
    """Kafka has one more event: a smaller number counts only where upstream's counter began anew, by its time."""
    if event.seq is None or event.strategy_id is None:
        return progress
    at = _ms(event.ts)
    last = progress.number
    anew = last is not None and event.seq < last and at > progress.newest
    of_it = progress.numbers.get(event.strategy_id)
    ahead = of_it is None or event.seq > of_it or anew
    numbers = {**progress.numbers, event.strategy_id: event.seq} if ahead else progress.numbers
    number = event.seq if last is None or event.seq > last or anew else last
    return replace(progress, number=number, newest=max(at, progress.newest), numbers=numbers)


def recall(progress: Progress, values: Iterable[bytes | None]) -> Progress:
    """Go through the account's records in Kafka, in order."""
    for value in values:
        try:
            body: Any = orjson.loads(value or b"")
        except orjson.JSONDecodeError:
            continue  # somebody else's, and quarantined by now
        if not isinstance(body, dict):
            continue
        if body.get("event") == SCOPE_EVENT:
            data = body.get("data")
            pending = isinstance(data, dict) and data.get(RECONCILING) is True
            progress = replace(progress, reconciling=pending)
        else:
            progress = advance(progress, event_of(value or b"", body))
    return progress


def enough(values: Sequence[bytes | None], subscriptions: Sequence[str]) -> bool:
    """Whether the last records of an account tell all that ``recall`` is asked for.

    Snapshots alone don't: what began their reconciliation, and whether it ended, stands before them or behind.
    """
    found = recall(Progress(), values)
    if all(value is not None and _SNAPSHOT in value for value in values):
        return False
    if EVERYTHING in subscriptions:
        return found.number is not None
    return all(one in found.numbers for one in subscriptions)


def since(progress: Progress, subscription: str) -> int:
    """The ``since_seq`` of a subscription; 0, so everything, where nothing is known.

    One strategy's number is its own: another subscription may have been further on when the process was killed.
    """
    if subscription == EVERYTHING:
        return progress.number or 0
    return progress.numbers.get(subscription, 0)


def stalled(endings: int) -> bool:
    """Whether so many connections in a row, all ended by a frame over the bound, mean that replay can't pass it."""
    return endings >= _STALLS


def _ms(ts: str | None) -> int:
    try:
        return milliseconds(ts or "")
    except ValueError:
        return 0
