"""What a connector says of its own: its subscriptions, and strategies as Get Strategy has them. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

import orjson

from libs.contracts.strategies import CHANNEL, EVERYTHING, SCOPE_EVENT, SNAPSHOT_EVENT
from libs.ledger.reading import read_exactly
from libs.ledger.times import rfc3339
from services.connectors.resume import RECONCILING


class WrongAnswer(ValueError):
    """Get Strategy answered something that is no strategy."""


def scope(subscriptions: Sequence[str], now: int, *, reconciling: bool = False) -> bytes:
    """The record that comes before a connection's events; ``now`` in ms.

    That strategies are still to be asked for is in it, so that a connector which is killed meanwhile does it after
    its next start.
    """
    data: dict[str, Any] = {"subscriptions": list(subscriptions)}
    if reconciling:
        data[RECONCILING] = True
    return orjson.dumps({"channel": CHANNEL, "event": SCOPE_EVENT, "ts": rfc3339(now), "data": data})


def known(
    account: str, entities: Iterable[str], seen: Iterable[str], subscriptions: Iterable[str]
) -> list[str]:
    """The strategies to ask for, sorted: those of our projection, those that had events, those asked for by name.

    ``entities`` are ids of the projection, ``<account>:<strategy_id>``. Where single strategies are subscribed, only
    those are asked for.
    """
    wanted = set(subscriptions)
    if EVERYTHING not in wanted:
        return sorted(wanted)
    prefix = f"{account}:"
    ours = {one.removeprefix(prefix) for one in entities if one.startswith(prefix)}
    return sorted((ours | set(seen)) - {""})


def snapshot(strategy_id: str, answer: bytes, reached: int | None, now: int) -> bytes:
    """The record that stands for a strategy's answer, with the sender's own digits. Raises WrongAnswer.

    ``reached`` is the number that the stream is known to have reached, ``now`` in ms.
    """
    try:
        plain = json.loads(answer)
        exact = read_exactly(answer)
    except (ValueError, RecursionError):
        raise WrongAnswer("not JSON") from None
    data = plain.get("data") if isinstance(plain, dict) else None
    if not isinstance(data, dict):
        raise WrongAnswer("no data")
    record = {
        "channel": CHANNEL,
        "event": SNAPSHOT_EVENT,
        "strategy_id": strategy_id,
        "seq": number(data, reached),
        "ts": rfc3339(now),
        "data": exact["data"],
    }
    try:
        return orjson.dumps(record)
    except TypeError:
        raise WrongAnswer("can't be written as JSON") from None


def number(data: dict[str, Any], reached: int | None) -> int:
    """The stream's number that an answer is good for. Raises WrongAnswer.

    ``seq``, as the server numbers the stream that it serves: ``upstream_seq`` is that of another one, where it passes
    somebody else's on. Where ``seq`` is behind the stream, it is no number of it, and ``upstream_seq`` may be.
    """
    given = [
        data[name] for name in ("seq", "upstream_seq") if type(data.get(name)) is int and data[name] >= 0
    ]
    if not given:
        raise WrongAnswer("neither seq nor upstream_seq is a number")
    return int(next((one for one in given if reached is None or one >= reached), given[0]))
