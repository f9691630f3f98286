"""What must hold after any schedule of faults, told from the topics and Redis alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.partition import Diverged
from libs.ledger.records import InputRecord, Outgoing, Routed
from tests.libs.ledger.folding import Outcome, fold_input, refold_log
from tests.libs.runtime.simulation.world import HISTORY, PARTITIONS, Place, World

_PRIVATE = ("owner", "epoch", "ready", "log_offset")


def violations(world: World, aggregates: Mapping[str, Aggregate[Any]]) -> list[str]:
    """Every rule that is broken, place by place; ``aggregates`` are the true ones, whatever the world ran."""
    found = world.broken[:1]
    sent: dict[Place, list[Routed]] = {}
    for place in world.places():
        service, number = place
        expected = fold_input(
            aggregates[service],
            world.topic(f"{service}.in", number).records,
            number,
            PARTITIONS,
            history=HISTORY,
        )
        sent[place] = expected.notices + expected.forwards
        rules = _log(world, place, expected) + _refold(world, place, aggregates[service], expected)
        rules += _events(world, place, expected) + _states(world, place, expected)
        rules += _dead(world, place, expected) + _store(world, place, expected)
        found += [f"{service}/{number}: {rule}" for rule in rules]
    return found + _routed(world, sent) + _ends(world)


def _ends(world: World) -> list[str]:
    """No worker ended by itself or gave up."""
    processes = [process for several in world.processes.values() for process in several] + world.rebuilds
    broken = [
        f"{process.name} ended: {why!r}" for process in processes if (why := process.failed()) is not None
    ]
    return broken + [
        f"{one.name} halted: {one.partition.halted}" for one in processes if one.partition.halted
    ]


def reader_log(world: World, place: Place) -> list[InputRecord]:
    """The log as the contract's reader sees it: only what follows the record accepted last."""
    accepted, last = [], -1
    for record in world.topic(f"{place[0]}.log", place[1]).records:
        logged = parse_log_record(record.value or b"")
        if logged.previous == last:
            accepted.append(record)
            last = logged.offset
    return accepted


def reader_events(records: list[InputRecord]) -> list[InputRecord]:
    """Events as the contract's reader sees them: what is not greater than the last sequence of a subject is dropped."""
    last: dict[str, int] = {}
    kept = []
    for record in records:
        event = orjson.loads(record.value or b"")
        if event["sequence"] > last.get(event["subject"], 0):
            last[event["subject"]] = event["sequence"]
            kept.append(record)
    return kept


def _log(world: World, place: Place, expected: Outcome) -> list[str]:
    seen = reader_log(world, place)
    broken = _differences("log", _pairs(expected.log), _pairs(seen))
    right = {one.offset: (one.key, one.value) for one in expected.log}
    for record in world.topic(f"{place[0]}.log", place[1]).records:
        offset = parse_log_record(record.value or b"").offset
        if right.get(offset) != (record.key, record.value):
            broken.append(f"log: the record of input {offset} at {record.offset} is not what the ledger has")
    return broken


def _refold(world: World, place: Place, aggregate: Aggregate[Any], expected: Outcome) -> list[str]:
    """The log alone gives the same events, states and Redis."""
    logged = [one.value or b"" for one in reader_log(world, place)]
    try:
        again = refold_log(aggregate, logged, place[1], history=HISTORY)
    except Diverged as why:
        return [f"the log can't be refolded: {why}"]
    broken = _differences("events of the log", _pairs(expected.events), _pairs(again.events))
    broken += _differences("states of the log", _pairs(expected.states), _pairs(again.states))
    if again.store != expected.store:
        broken.append("the log refolds to another Redis")
    return broken


def _events(world: World, place: Place, expected: Outcome) -> list[str]:
    records = world.topic(f"{place[0]}.events", place[1]).records
    seen = reader_events(records)
    broken = _differences("events", sorted(_pairs(expected.events)), sorted(_pairs(seen)))
    right = set(_pairs(expected.events))
    broken += [
        f"events: nobody should have sent {one.value!r}"
        for one in records
        if (one.key, one.value) not in right
    ]
    last: dict[str, int] = {}
    for record in seen:
        event = orjson.loads(record.value or b"")
        if event["sequence"] != last.get(event["subject"], 0) + 1:
            broken.append(f"events: a gap before {event['sequence']} of {event['subject']}")
        last[event["subject"]] = event["sequence"]
    return broken


def _states(world: World, place: Place, expected: Outcome) -> list[str]:
    """The newest state by sequence is right, and the last one too, whoever outlived his ownership."""
    records = world.topic(f"{place[0]}.state", place[1]).records
    newest: dict[bytes | None, tuple[int, bytes | None]] = {}
    for record in records:
        # nothing follows a tombstone
        sequence = 2**63 if record.value is None else orjson.loads(record.value)["sequence"]
        if sequence >= newest.get(record.key, (0, None))[0]:
            newest[record.key] = (sequence, record.value)
    right = expected.last_states()
    broken = (
        []
        if {key: value for key, (_, value) in newest.items()} == right
        else ["state: the newest is not right"]
    )
    if {record.key: record.value for record in records} != right:
        broken.append("state: the last one is not the newest")
    return broken


def _dead(world: World, place: Place, expected: Outcome) -> list[str]:
    seen = {_dead_letter(one) for one in world.topic(f"{place[0]}.dead", place[1]).records}
    right = {_dead_letter(one) for one in expected.dead}
    return [] if seen == right else [f"dead: {len(right - seen)} missing, {len(seen - right)} unexpected"]


def _dead_letter(record: InputRecord | Outgoing) -> tuple[Any, ...]:
    return record.key, record.value, tuple(record.headers)


def _store(world: World, place: Place, expected: Outcome) -> list[str]:
    seen, right = world.keyspaces[place], expected.store
    broken = [
        f"redis: {name} differ"
        for name in ("counters", "entities", "histories", "indexes", "streams", "tables", "deleted", "known")
        if getattr(seen, name) != getattr(right, name)
    ]
    if seen.position.get("input_offset") != right.position["input_offset"]:
        broken.append(
            f"redis: stands at {seen.position.get('input_offset')}, not {right.position['input_offset']}"
        )
    elif (at := int(seen.position["log_offset"])) >= 0:
        named = world.topic(f"{place[0]}.log", place[1]).since(at)
        accounts = parse_log_record(named[0].value or b"").offset if named else None
        if str(accounts) != right.position["input_offset"]:
            broken.append("redis: log_offset names another record")
    return broken


def _routed(world: World, sent: dict[Place, list[Routed]]) -> list[str]:
    """Every forward and notice is there at least once, and nothing else came from inside."""
    broken = []
    for topic in {one.topic for routed in sent.values() for one in routed}:
        right = {_dead_letter(one.record) for routed in sent.values() for one in routed if one.topic == topic}
        seen = {
            _dead_letter(record)
            for number in range(PARTITIONS)
            for record in world.topic(topic, number).records
        }
        if missing := right - seen:
            broken.append(f"{topic}: {len(missing)} forwards or notices are missing")
        if strange := seen - right - world.given:
            broken.append(f"{topic}: {len(strange)} records that nobody should have sent")
    return broken


def _pairs(records: list[InputRecord] | list[Outgoing]) -> list[tuple[bytes, bytes]]:
    return [(record.key or b"", record.value or b"") for record in records]


def _differences(what: str, right: list[tuple[bytes, bytes]], seen: list[tuple[bytes, bytes]]) -> list[str]:
    if seen == right:
        return []
    at = next(
        (i for i, (a, b) in enumerate(zip(right, seen, strict=False)) if a != b), min(len(right), len(seen))
    )
    return [f"{what}: {len(seen)} of {len(right)} records, the first difference at {at}"]
