"""What each record of an entity's history changed in its projection: the history folded once more. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

import orjson

from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import Logged, parse_log_record
from libs.ledger.intake import DAMAGED, fact_in
from libs.ledger.reading import read, read_exactly
from libs.ledger.times import milliseconds
from libs.ledger.verdict import Verdict

S = TypeVar("S")

_NULL: Final = b"null"
_OTHERWISE: Final = frozenset({Verdict.LATE, Verdict.CONFLICT})


@dataclass(frozen=True, slots=True)
class Step:
    """A log record of an entity's history, and what it changed: a field's name to its JSON (before, after).

    ``changed`` is None where that can't be known, because the beginning of the history is no longer at hand.
    ``claimed`` is what a record that was overtaken or contradicts says otherwise than the projection: a field's name
    to its JSON (held, claimed); None for every other record, and where it can't be known.
    """

    logged: Logged
    changed: dict[str, tuple[bytes, bytes]] | None
    claimed: dict[str, tuple[bytes, bytes]] | None = None


def steps(aggregate: Aggregate[S], entity_id: str, history: Iterable[bytes]) -> Iterator[Step]:
    """Follow a history, oldest first. Raises ValueError for a damaged record or a hole, which tells its number."""
    state = aggregate.initial(entity_id)
    shown = _members(aggregate.render(state).json)
    whole, sequence = True, 0
    for number, value in enumerate(history, 1):
        try:
            logged = _logged(value)
            if number == 1:
                sequence = logged.attributes["sequence"]
                whole = sequence == 1
            elif logged.attributes["sequence"] == sequence + 1:
                sequence += 1
            else:  # after a hole, nothing can be known
                raise ValueError(f"its sequence is {logged.attributes['sequence']} and not {sequence + 1}")
            if whole:
                step, state, shown = _step(aggregate, entity_id, logged, state, shown)
            else:
                read(logged.data)  # for whoever shows it
                step = Step(logged, None)
        except DAMAGED as why:
            raise ValueError(f"record {number}: {type(why).__name__}: {why}") from why
        yield step


def _logged(value: bytes) -> Logged:
    """A record that has all that is told of it but its fact. Raises DAMAGED."""
    logged = parse_log_record(value)
    told = logged.attributes
    if type(told["sequence"]) is not int:
        raise ValueError("its sequence is no number")
    for time in (told["time"], told["recordedtime"]):
        if time is not None:
            milliseconds(time)
    Verdict(told["verdict"])
    return logged


def _step(
    aggregate: Aggregate[S], entity_id: str, logged: Logged, state: S, shown: dict[str, bytes]
) -> tuple[Step, S, dict[str, bytes]]:
    """What a record changed, and what the entity is and shows after it. Raises DAMAGED."""
    fact = fact_in(aggregate, logged)
    after = aggregate.evolve(state, fact, logged.verdict)
    members = shown if after is state else _members(aggregate.render(after).json)
    claimed = None
    if logged.verdict in _OTHERWISE:
        claim = aggregate.evolve(aggregate.initial(entity_id), fact, Verdict.APPLIED)
        claimed = _claimed(_members(logged.data), _members(aggregate.render(claim).json), members)
    return Step(logged, _difference(shown, members), claimed), after, members


def _members(document: bytes) -> dict[str, bytes]:
    """A JSON object's members, each as JSON with the sender's literals."""
    return {name: orjson.dumps(value) for name, value in read_exactly(document).items()}


def _difference(before: dict[str, bytes], after: dict[str, bytes]) -> dict[str, tuple[bytes, bytes]]:
    names = dict.fromkeys((*after, *before))
    pairs = {name: (before.get(name, _NULL), after.get(name, _NULL)) for name in names}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _claimed(
    said: dict[str, bytes], alone: dict[str, bytes], held: dict[str, bytes]
) -> dict[str, tuple[bytes, bytes]]:
    """Where what is held differs from what was said; ``alone`` is the projection that it would have made by itself.

    What is not in that as it was said is no field of the entity: an execution's status, told to its operation.
    """
    own = [name for name, value in said.items() if alone.get(name) == value]
    pairs = {name: (held.get(name, _NULL), said[name]) for name in own}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
