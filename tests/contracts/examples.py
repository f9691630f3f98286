"""Writes the examples of messages, events and documents: `python -m tests.contracts.examples`.

Of several that would do the one that says the most is taken.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict
from functools import partial
from typing import Any, Final

import orjson

from libs.contracts.examples import FILE, Examples
from libs.contracts.inputs import INPUTS
from libs.ledger.records import Outgoing
from tests.contracts.stories import STORIES, Body, folded

INSTRUMENT: Final = {
    "symbol": "NVDA",
    "price": "150.00",
    "ts": "2025-03-10T14:30:00Z",
    "step": "1",
    "minimum": "0",
}


def made() -> Examples:
    """The examples as this code makes them."""
    outcomes = {service: folded(service) for service in STORIES}
    inputs = {
        f"{service}.in": _fullest(bodies[:-1], partial(_message, f"{service}.in"))
        for service, bodies in STORIES.items()
    }
    events = [one for outcome in outcomes.values() for one in _values(outcome.events)]
    return Examples(
        inputs={**inputs, "instruments.in": {"instrument": INSTRUMENT}},
        log={service: _the_fullest(_values(outcome.log)) for service, outcome in outcomes.items()},
        events=_fullest(events, lambda one: one["type"].removeprefix("stratafold.").removesuffix(".v1")),
        state={service: _the_fullest(_values(outcome.states)) for service, outcome in outcomes.items()},
        dead={service: _letter(outcome.dead[-1]) for service, outcome in outcomes.items()},
    )


def written(examples: Examples) -> str:
    """As they lie in the file."""
    return json.dumps(asdict(examples), indent=2, ensure_ascii=False) + "\n"


def _message(topic: str, body: Body) -> str:
    """What tells a message from the others of its topic; a status change of 000 and 003 doesn't say."""
    event: str = body.get("event", next(iter(INPUTS[topic])))
    return event


def _fullest(found: Iterable[Body], name: Callable[[Body], str]) -> dict[str, Body]:
    by_name: dict[str, list[Body]] = {}
    for one in found:
        by_name.setdefault(name(one), []).append(one)
    return {known: _the_fullest(several) for known, several in sorted(by_name.items())}


def _the_fullest(several: list[Body]) -> Body:
    return max(several, key=lambda one: len(orjson.dumps(one)))


def _values(records: Iterable[Outgoing]) -> list[Any]:
    return [orjson.loads(record.value) for record in records if record.value is not None]


def _letter(record: Outgoing) -> Body:
    headers = {name: (value or b"").decode() for name, value in record.headers}
    return {"headers": headers, "payload": orjson.loads(record.value or b"")}


if __name__ == "__main__":
    FILE.write_text(written(made()), encoding="utf-8")
