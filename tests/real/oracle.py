"""Whether anything was lost, doubled or changed: reads everything that was stored, by the contract's rules for readers.

What was decided is compared three ways: with a plain reading of the contract (verdicts, sequences), with a fold of the
input as a run without any fault would make it (log, events, state, byte for byte), and with a fold of the log (Redis).
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

from redis.asyncio import Redis

from libs.ledger.aggregate import Aggregate
from libs.ledger.entity import Entity
from libs.ledger.envelope import Origin, parse_log_record
from libs.ledger.intake import read_input, read_log
from libs.ledger.partition import PartitionFold
from libs.ledger.records import Folded, InputRecord, Reading
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.real.deployment import SERVICES, Deployment
from tests.real.plain_reading import UNSEQUENCED, PlainReading
from tests.real.topics import Stored, partition_for
from tests.real.twin import Keys, Twin, stored

AGGREGATES: dict[str, Aggregate[Any]] = {"executions": EXECUTIONS, "operations": OPERATIONS}
STREAMS = ("in", "log", "events", "state", "dead")
_SHOWN = 12
_POSITION = {"input_offset", "log_offset", "owner", "epoch", "ready"}


@dataclass
class Audit:
    """What was found: violations in words, and how much was looked at."""

    violations: list[str] = field(default_factory=list)
    inputs: int = 0
    events: int = 0
    doubles: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)

    def demand(self, holds: bool, what: str) -> None:
        """Note a violation where something does not hold."""
        if not holds:
            self.violations.append(what)

    def __str__(self) -> str:
        """The first of each kind, then more of them."""
        kinds: dict[str, str] = {}
        for violation in self.violations:
            kinds.setdefault(_VARIABLE.sub("#", violation)[:60], violation)
        shown = list(dict.fromkeys([*kinds.values(), *self.violations]))[: max(_SHOWN, len(kinds))]
        head = f"{len(self.violations)} violations in {self.inputs} inputs"
        return "\n".join([head, *(violation[:500] for violation in shown)])


_VARIABLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+")


def _apart(got: bytes | None, wanted: bytes | None) -> str:
    """Two values from a little before where they differ."""
    got, wanted = got or b"", wanted or b""
    first = next((i for i, (a, b) in enumerate(zip(got, wanted, strict=False)) if a != b), 0)
    start = max(0, first - 40)
    return f"…{got[start : first + 60]!r}… where a clean run has …{wanted[start : first + 60]!r}…"


async def audit(deployment: Deployment, services: tuple[str, ...] = SERVICES) -> Audit:
    """Look at everything that a settled deployment stored."""
    found = Audit()
    async with Redis.from_url(deployment.servers.redis, socket_timeout=60) as redis:
        inside = await stored(redis, f"{deployment.namespace}:")
    outcomes: set[str] = set()
    topics: dict[str, dict[str, dict[int, list[Stored]]]] = {}
    for service in services:
        topics[service] = {name: await deployment.read(f"{service}.{name}") for name in STREAMS}
    for service in services:
        expected: Keys = {}
        for partition in range(deployment.partitions):
            one = _Partition(deployment, service, partition, topics[service], found)
            expected |= one.check()
            outcomes |= one.outcomes
        _forwards(found, service, deployment, topics[service])
        _redis(found, service, deployment, inside, expected, topics[service]["log"])
    if "operations" in services:
        told = _outcomes_told(topics["operations"])
        lost = outcomes - told
        found.demand(
            not lost, f"{len(lost)} outcomes of executions never came to operations.in: {list(lost)[:2]}"
        )
        if "executions" in services:
            made_up = told - outcomes
            found.demand(not made_up, f"outcomes that no execution had: {list(made_up)[:2]}")
    return found


class _Partition:
    """One partition of one service, its five topics read."""

    def __init__(
        self,
        deployment: Deployment,
        service: str,
        partition: int,
        topics: dict[str, dict[int, list[Stored]]],
        found: Audit,
    ) -> None:
        self.service, self.partition, self.found = service, partition, found
        self.deployment = deployment
        self.records = {name: topics[name].get(partition, []) for name in STREAMS}
        self.origin = Origin(service, deployment.topic(f"{service}.in"), partition)
        self.where = f"{service}.{{}}[{partition}]"
        self.outcomes: set[str] = set()
        self.key_prefix = deployment.names.partition_prefix(service, partition)

    def check(self) -> Keys:
        """Check all; what Redis must hold for the partition."""
        log = self._read_log()
        clean = self._clean_run()
        self._compare_log(log, clean)
        self._verdicts(log)
        self._events(clean)
        self._states(clean)
        self._dead(log)
        return self._refold(log, clean)

    def _at(self, stream: str) -> str:
        return self.where.format(stream)

    def _read_log(self) -> list[Stored]:
        """The log by its readers' rule; what that drops must be a double of what it accepts, byte for byte."""
        accepted: list[Stored] = []
        by_input: dict[int, bytes | None] = {}
        dropped = []
        last = -1
        for record in self.records["log"]:
            attributes = json.loads(record.value or b"")
            if attributes["previousinputoffset"] == last:
                last = attributes["inputoffset"]
                by_input[last] = record.value
                accepted.append(record)
            else:
                dropped.append((attributes["inputoffset"], record))
        for offset, record in dropped:
            self.found.demand(
                by_input.get(offset) == record.value,
                f"{self._at('log')}@{record.offset}: a stray that is no double",
            )
        self.found.doubles += len(dropped)
        inputs = [record.offset for record in self.records["in"]]
        self.found.inputs += len(inputs)
        self.found.demand(
            inputs == list(by_input),
            f"{self._at('log')}: accounts for {len(by_input)} of {len(inputs)} inputs;"
            f" missing {sorted(set(inputs) - set(by_input))[:5]}, made up {sorted(set(by_input) - set(inputs))[:5]}",
        )
        return accepted

    def _clean_run(self) -> Folded:
        """The input folded in one go, as if nothing had ever gone wrong."""
        aggregate = AGGREGATES[self.service]
        fold = PartitionFold(aggregate, self.origin)
        readings = [
            read_input(aggregate, self.partition, self.deployment.partitions, _input(record))
            for record in self.records["in"]
        ]
        return fold.fold(readings, _entities(fold, readings))

    def _compare_log(self, log: list[Stored], clean: Folded) -> None:
        for record, wanted in zip(log, clean.log, strict=False):
            if (record.key, record.value) != (wanted.key, wanted.value):
                apart = _apart(record.value, wanted.value)
                self.found.demand(False, f"{self._at('log')}@{record.offset}: {apart}")

    def _verdicts(self, log: list[Stored]) -> None:
        """Against the plain reading; and what a log record says of its input."""
        plain = PlainReading(self.service)
        inputs = {record.offset: record for record in self.records["in"]}
        for stored_record in log:
            record = json.loads(stored_record.value or b"", parse_float=_digits, parse_int=_digits)
            offset = int(record["inputoffset"])
            source, verdict = inputs.get(offset), record["verdict"]
            self.found.verdicts[verdict] += 1
            if source is None:
                continue
            if verdict in ("quarantined", "forwarded"):
                wanted: tuple[str | None, str, int | None] = (record["subject"], verdict, None)
                self.found.demand(record["sequence"] is None, f"{self._at('log')}: {verdict} with a sequence")
            else:
                wanted = plain.judge(source.value or b"")
                body = json.loads(source.value or b"", parse_float=_digits, parse_int=_digits)
                self.found.demand(record["data"] == body, f"{self._at('log')}: input {offset} has other data")
                home = partition_for(wanted[0].encode(), self.deployment.partitions)
                self.found.demand(home == self.partition, f"{self._at('log')}: {wanted[0]} belongs on {home}")
                self.found.demand(
                    record["partitionkey"] == wanted[0], f"{self._at('log')}: wrong partitionkey"
                )
                if verdict == "applied" and self.service == "executions":
                    self.outcomes.add(_outcome(body))
            sequence = None if record["sequence"] is None else int(record["sequence"])
            got = (record["subject"], verdict, sequence)
            self.found.demand(
                got == wanted, f"{self._at('log')}: input {offset} is {got}, by the contract {wanted}"
            )
            self.found.demand(
                (verdict in UNSEQUENCED) == (sequence is None), f"{self._at('log')}: input {offset}: {got}"
            )

    def _events(self, clean: Folded) -> None:
        """By the readers' rule: what is not beyond its subject's last sequence is dropped, and must be a double."""
        accepted: dict[str, list[bytes]] = defaultdict(list)
        for record in self.records["events"]:
            value = record.value or b""
            event = json.loads(value)
            subject, sequence = event["subject"], event["sequence"]
            seen = accepted[subject]
            if sequence <= len(seen):
                self.found.doubles += 1
                same = seen[sequence - 1] == value
                self.found.demand(same, f"{self._at('events')}@{record.offset}: differs from its double")
                continue
            if sequence != len(seen) + 1:
                self.found.demand(
                    False, f"{self._at('events')}: {subject} goes from {len(seen)} to {sequence}"
                )
            seen.append(value)
        wanted: dict[str, list[bytes]] = defaultdict(list)
        for one in clean.events:
            wanted[(one.key or b"").decode()].append(one.value or b"")
        ids = Counter(json.loads(value)["id"] for run in accepted.values() for value in run)
        self.found.demand(not ids or max(ids.values()) == 1, f"{self._at('events')}: an id stands twice")
        self.found.events += sum(map(len, accepted.values()))
        for subject in accepted.keys() | wanted.keys():
            if accepted.get(subject, []) != wanted.get(subject, []):
                names = [[json.loads(v)["type"] for v in run.get(subject, [])] for run in (accepted, wanted)]
                self.found.demand(
                    False, f"{self._at('events')}: {subject} has {names[0]}, a clean run {names[1]}"
                )

    def _states(self, clean: Folded) -> None:
        last = {record.key: record for record in self.records["state"]}
        wanted = {one.key: one.value for one in clean.states}
        self.found.demand(
            last.keys() == wanted.keys(), f"{self._at('state')}: other entities than a clean run"
        )
        for key in last.keys() & wanted.keys():
            if last[key].value != wanted[key]:
                apart = _apart(last[key].value, wanted[key])
                self.found.demand(False, f"{self._at('state')}: {key!r} ends as {apart}")

    def _dead(self, log: list[Stored]) -> None:
        """Each quarantined input at least once, byte for byte; doubles are equal; nothing else."""
        inputs = {record.offset: record for record in self.records["in"]}
        refused = {
            int(record["inputoffset"]): record
            for record in (json.loads(one.value or b"") for one in log)
            if record["verdict"] == "quarantined"
        }
        seen = set()
        for record in self.records["dead"]:
            headers = dict(record.headers[:6])
            offset = int((headers["source"] or b"").rpartition(b"/")[2])
            if offset not in refused or offset not in inputs:
                self.found.demand(
                    False, f"{self._at('dead')}@{record.offset}: input {offset} was not refused"
                )
                continue
            self.found.doubles += offset in seen
            seen.add(offset)
            source, data = inputs[offset], refused[offset]["data"]
            same = (record.key, record.value, record.headers[6:]) == (
                source.key,
                source.value,
                source.headers,
            )
            self.found.demand(same, f"{self._at('dead')}@{record.offset}: not input {offset} byte for byte")
            told = {
                "error": data["error"],
                "detail": data["detail"],
                "pointer": data["pointer"],
                "source": f"{self.origin.topic}/{self.partition}/{offset}",
                "service": self.service,
                "at": refused[offset]["recordedtime"],
            }
            got = {name: (value or b"").decode() for name, value in headers.items()}
            self.found.demand(got == told, f"{self._at('dead')}@{record.offset}: headers {got}, not {told}")
        lost = sorted(set(refused) - seen)
        self.found.demand(not lost, f"{self._at('dead')}: inputs {lost[:5]} were refused and are not there")

    def _refold(self, log: list[Stored], clean: Folded) -> Keys:
        """What a fold of the log gives Redis, in batches of another size than any worker's."""
        aggregate = AGGREGATES[self.service]
        fold = PartitionFold(aggregate, self.origin)
        entities: dict[str, Entity[Any]] = {}
        twin = Twin(self.deployment.names, self.service, self.partition)
        for at in range(0, len(log), 337):
            readings = [read_log(aggregate, parse_log_record(r.value or b"")) for r in log[at : at + 337]]
            entities |= _entities(fold, readings, entities)
            twin.apply(fold.fold(readings, entities))
        plain = Twin(self.deployment.names, self.service, self.partition)
        plain.apply(clean)
        same = not log or plain.keys == twin.keys
        self.found.demand(
            same, f"{self.service}[{self.partition}]: a fold of the log is not the fold of the input"
        )
        return twin.keys


def _redis(
    found: Audit,
    service: str,
    deployment: Deployment,
    inside: Keys,
    expected: Keys,
    log: dict[int, list[Stored]],
) -> None:
    names = deployment.names
    got = {key: value for key, value in inside.items() if key.startswith(names.key(f"{{{service}."))}
    for partition in range(deployment.partitions):
        position = got.pop(names.position(service, partition), {})
        strange = {name for name in position if not name.startswith("_")} - _POSITION
        found.demand(not strange, f"{service}[{partition}]: position has {strange}")
        records = log.get(partition, [])
        at = int(position.get("log_offset", -1))
        pointed = next((r for r in records if r.offset == at), None)
        last = -1
        for record in records:
            attributes = parse_log_record(record.value or b"").attributes
            if attributes["previousinputoffset"] == last:
                last = attributes["inputoffset"]
        said = int(position.get("input_offset", -1))
        found.demand(said == last, f"{service}[{partition}]: position {said}, the log goes to {last}")
        if pointed is not None:
            its = parse_log_record(pointed.value or b"").offset
            found.demand(its == last, f"{service}[{partition}]: log_offset is of input {its}, not {last}")
        else:
            found.demand(last == at == -1, f"{service}[{partition}]: log_offset {at} is not in the log")
    extra, lacking = sorted(got.keys() - expected.keys()), sorted(expected.keys() - got.keys())
    found.demand(not extra, f"Redis has {len(extra)} keys that no fold wrote: {extra[:4]}")
    found.demand(not lacking, f"Redis lacks {len(lacking)} keys: {lacking[:4]}")
    for key in got.keys() & expected.keys():
        if got[key] != expected[key]:
            found.demand(False, f"{key} holds {got[key]!r:.250}, by the log {expected[key]!r:.250}")


def _forwards(
    found: Audit,
    service: str,
    deployment: Deployment,
    topics: dict[str, dict[int, list[Stored]]],
) -> None:
    """Each forwarded input stands again on its right partition, its key mended and its headers kept."""
    copies: dict[str, list[Stored]] = defaultdict(list)
    for run in topics["in"].values():
        for record in run:
            if record.headers and record.headers[-1][0] == "forwarded-from":
                copies[(record.headers[-1][1] or b"").decode()].append(record)
    wanted = set()
    for partition, run in topics["log"].items():
        inputs = {record.offset: record for record in topics["in"].get(partition, [])}
        for record in run:
            attributes = parse_log_record(record.value or b"").attributes
            if attributes["verdict"] != "forwarded" or attributes["inputoffset"] not in inputs:
                continue
            source = inputs[attributes["inputoffset"]]
            place = f"{deployment.topic(service + '.in')}/{partition}/{source.offset}"
            wanted.add(place)
            key = attributes["partitionkey"].encode()
            home = partition_for(key, deployment.partitions)
            fitting = [
                copy
                for copy in copies[place]
                if (copy.partition, copy.key, copy.value, copy.headers[:-1])
                == (home, key, source.value, source.headers)
            ]
            found.demand(
                bool(fitting) and fitting == copies[place], f"{place}: forwarded as {copies[place]!r:.300}"
            )
    ours = deployment.topic(service + ".in/")
    strange = {place for place, run in copies.items() if run and place.startswith(ours)} - wanted
    found.demand(not strange, f"copies of records that were not forwarded: {sorted(strange)[:3]}")


def _entities(
    fold: PartitionFold[Any], readings: list[Reading], known: dict[str, Entity[Any]] | None = None
) -> dict[str, Entity[Any]]:
    known = known or {}
    return {subject: known.get(subject) or fold.new_entity(subject) for subject in fold.concerned(readings)}


def _input(record: Stored) -> InputRecord:
    return InputRecord(record.offset, record.at, record.key, record.value, list(record.headers))


def _digits(literal: str) -> Any:
    return literal if literal.lstrip("-").isdigit() else ("number", literal)


def _outcome(body: dict[str, Any]) -> str:
    outcome = {
        "event": "execution.outcome",
        "id": body["operation_id"].lower(),
        "execution_id": body["id"].lower(),
        "status": body["status"],
        "status_reason": body["status_reason"] or "",
        "strategy_id": body["strategy_id"],
        "updated_at": body["updated_at"],
    }
    return json.dumps(outcome, sort_keys=True)


def _outcomes_told(topics: dict[str, dict[int, list[Stored]]]) -> set[str]:
    """The outcomes that operations.in carries, but for those that were made up and refused."""
    told = set()
    for run in topics["log"].values():
        for record in run:
            logged = json.loads(record.value or b"")
            if logged["verdict"] != "quarantined" and logged["data"].get("event") == "execution.outcome":
                told.add(json.dumps(logged["data"], sort_keys=True))
    return told
