"""Whatever lies in a topic: a broken record ends in `.dead` with the reason, and the next one is folded."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.e2e.broken import Broken, encoded, entity_on, good, table
from tests.real.deployment import Deployment
from tests.real.oracle import audit
from tests.real.topics import Place, Push, Stored, partition_for

pytestmark = pytest.mark.real

TABLE = table()


class Pushed:
    """The broken records with a good one after each, and everything that came of them."""

    def __init__(self, deployment: Deployment) -> None:
        self.deployment = deployment
        self.places: dict[str, Place] = {}
        self.after: dict[str, tuple[str, Place]] = {}
        self.logs: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, bytes | None] = {}
        self.dead: dict[str, Stored] = {}

    async def run(self) -> None:
        """Push all, wait, read all."""
        deployment, records, good_ids = self.deployment, [], []
        for number, row in enumerate(TABLE):
            home = number % deployment.partitions
            if row.subject is not None:
                home = partition_for(row.subject.encode(), deployment.partitions)
            entity = entity_on(home, deployment.partitions)
            good_ids.append(entity)
            topic = deployment.topic(f"{row.service}.in")
            records.append(Push(topic, row.value, row.key, row.headers, home))
            body = encoded(good(row.service, entity, number))
            records.append(Push(topic, body, entity.encode(), row.headers, home))
        places = await deployment.push(records)
        await deployment.settle()
        for row, entity, bad, after in zip(TABLE, good_ids, places[::2], places[1::2], strict=True):
            self.places[row.name], self.after[row.name] = bad, (entity, after)
        for service in ("operations", "executions"):
            for run in (await deployment.read(f"{service}.log")).values():
                for record in run:
                    logged = json.loads(record.value or b"")
                    place = f"{logged['inputtopic']}/{logged['inputpartition']}/{logged['inputoffset']}"
                    self.logs[place], self.keys[place] = logged, record.key
            for run in (await deployment.read(f"{service}.dead")).values():
                for record in run:
                    # ours stand first: the input's own may have the same names
                    ours = dict(record.headers[:6])
                    self.dead[(ours["source"] or b"").decode()] = record


_pushed: list[Pushed] = []


@pytest.fixture
async def pushed(deployment: Deployment) -> Pushed:
    """Pushed once for all rows."""
    if not _pushed:
        one = Pushed(deployment)
        await one.run()
        _pushed.append(one)
    return _pushed[0]


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row.name)
def test_a_broken_record_ends_in_dead_and_the_next_one_is_folded(pushed: Pushed, row: Broken) -> None:
    """Sections 1 and 2: byte for byte with our six headers and then its own; `quarantined` in the log; no stop."""
    place = str(pushed.places[row.name])
    logged, dead = pushed.logs[place], pushed.dead[place]
    assert (logged["verdict"], logged["sequence"]) == ("quarantined", None)
    assert logged["data"].keys() == {"error", "detail", "pointer"}
    assert logged["data"]["pointer"] == row.pointer, logged["data"]
    assert row.error in (None, logged["data"]["error"]), logged["data"]
    assert logged["data"]["detail"]
    assert (logged["subject"], logged["partitionkey"]) == (row.subject, row.subject)
    assert pushed.keys[place] == (row.key if row.subject is None else row.subject.encode())

    assert (dead.key, dead.value, dead.headers[6:]) == (row.key, row.value, row.headers)
    assert [name for name, _ in dead.headers[:6]] == ["error", "detail", "pointer", "source", "service", "at"]
    ours = {name: (value or b"").decode() for name, value in dead.headers[:6]}
    assert ours == {
        **logged["data"],
        "source": place,
        "service": row.service,
        "at": logged["recordedtime"],
    }
    assert dead.partition == pushed.places[row.name].partition

    entity, after = pushed.after[row.name]
    following = pushed.logs[str(after)]
    assert (following["verdict"], following["subject"], following["sequence"]) == ("applied", entity, 1)
    assert following["previousinputoffset"] == pushed.places[row.name].offset


def test_there_are_enough_of_them() -> None:
    """At least sixty different ones."""
    assert len({(row.value, row.key, row.headers) for row in TABLE}) >= 60


async def test_nothing_else_was_lost_or_changed(pushed: Pushed) -> None:
    """The whole of both services, by the oracle of the fault runs."""
    found = await audit(pushed.deployment)
    assert not found.violations, str(found)
