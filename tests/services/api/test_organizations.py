"""Whose operations and executions are: those of a registered strategy are shown to its organization alone."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from libs.ledger.aggregate import Aggregate
from libs.views.memory import Keyspace
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from tests.e2e.examples import EXECUTION_AWAITING, OPERATION_PRICING
from tests.libs.ledger.folding import fold_input, records_of
from tests.services.api.versions_world import FOREIGN, OWN, World
from tests.services.versions.given import OTHER, STRATEGY, registered

SCOPES = ("operations:read", "executions:read")
FREE = str(uuid.UUID(int=9))


def of(example: bytes, number: int, strategy_id: str, **more: Any) -> bytes:
    changed = {"id": str(uuid.UUID(int=number)), "strategy_id": strategy_id, **more}
    return json.dumps({**json.loads(example), **changed}).encode()


def world() -> World:
    """Three of each: of our strategy (spelled in capitals), of another organization's, of one nobody registered."""
    made = World()
    made.push(registered({}, "100"))
    made.push({**registered({}, "100", organization_id=FOREIGN), "strategy_id": OTHER})
    strategies = (STRATEGY.upper(), OTHER, FREE)
    ledgers: list[tuple[str, Aggregate[Any], bytes]] = [
        ("operations", OPERATIONS, OPERATION_PRICING),
        ("executions", EXECUTIONS, EXECUTION_AWAITING),
    ]
    for service, aggregate, example in ledgers:
        values = [of(example, number, one) for number, one in enumerate(strategies)]
        values.append(of(example, 7, OTHER, status="unheard_of"))
        made.others[service] = fold_input(aggregate, records_of(values)).store
    return made


async def ids(one: World, path: str, organization: str) -> list[int]:
    """The numbers in a list, page by page."""
    headers = one.token(*SCOPES, organization=organization)
    found: list[int] = []
    cursor = ""
    while True:
        page = (await one.client.get(f"/api/v1/{path}{cursor}", headers=headers)).json()
        found += [uuid.UUID(each["id"]).int for each in page["data"]]
        if page["next_cursor"] is None:
            return sorted(found)
        cursor = f"&cursor={page['next_cursor']}"


@pytest.mark.parametrize("service", ["operations", "executions"])
async def test_lists_leave_out_what_is_anothers(service: str) -> None:
    one = world()
    for limit in (1, 2, 100):
        assert await ids(one, f"{service}?limit={limit}", OWN) == [0, 2]
        assert await ids(one, f"{service}?limit={limit}", FOREIGN) == [1, 2]
        assert await ids(one, f"{service}?limit={limit}", "org_3") == [2]
        assert await ids(one, f"{service}?limit={limit}&strategy_id={OTHER}", OWN) == []
        assert await ids(one, f"{service}?limit={limit}&strategy_id={OTHER}", FOREIGN) == [1]


@pytest.mark.parametrize("service", ["operations", "executions"])
async def test_one_of_anothers_is_404_in_every_form(service: str) -> None:
    one = world()
    for number, organization, status in (
        (0, OWN, 200),
        (0, FOREIGN, 404),
        (1, OWN, 404),
        (1, FOREIGN, 200),
        (2, OWN, 200),
        (2, "org_3", 200),
        (7, OWN, 404),
        (7, FOREIGN, 200),
    ):
        headers = one.token(*SCOPES, organization=organization)
        for ending in ("", "?as_of=1", "/history"):
            path = f"/api/v1/{service}/{uuid.UUID(int=number)}{ending}"
            answer = await one.client.get(path, headers=headers)
            assert answer.status_code == status, (path, organization, answer.text)


async def test_a_worker_of_versions_that_is_away_keeps_nothing_back_that_can_be_told() -> None:
    one = world()
    one.ready = False
    headers = one.token(*SCOPES, organization=OWN)

    async def status(number: int) -> int:
        return (
            await one.client.get(f"/api/v1/operations/{uuid.UUID(int=number)}", headers=headers)
        ).status_code

    assert [await status(number) for number in (0, 1, 2)] == [200, 404, 200]
    one.anew = True
    assert [await status(number) for number in (0, 1)] == [200, 404]
    assert await status(2) == 503, "it may be registered in what is not read yet"


async def test_where_nobody_folds_versions_all_is_shown() -> None:
    one = world()
    one.keys = Keyspace()
    one.taken = one.ready = False
    headers = one.token(*SCOPES, organization="org_3")
    assert await ids(one, "operations?", "org_3") == [0, 1, 2]
    answer = await one.client.get(f"/api/v1/operations/{uuid.UUID(int=1)}", headers=headers)
    assert answer.status_code == 200


@pytest.mark.parametrize("service", ["operations", "executions"])
async def test_redis_forgetting_registrations_makes_nothing_everybodys(service: str) -> None:
    """From the moment on that it is emptied, also before the worker of versions comes to know."""
    one = world()
    assert await ids(one, f"{service}?", FOREIGN) == [1, 2]
    known, one.keys = one.keys, Keyspace()
    for one.taken, one.anew in ((False, False), (True, True)):
        one.ready = False
        headers = one.token(*SCOPES, organization=FOREIGN)
        for ending in (
            "",
            f"/{uuid.UUID(int=0)}",
            f"/{uuid.UUID(int=0)}/history",
            f"?strategy_id={STRATEGY}",
        ):
            answer = await one.client.get(f"/api/v1/{service}{ending}", headers=headers)
            assert answer.status_code == 503, (ending, answer.text)
            assert answer.json()["partitions"] == {"versions": [0]}
            assert int(answer.headers["retry-after"]) >= 1
    one.keys, one.anew, one.ready = known, False, True
    assert await ids(one, f"{service}?", FOREIGN) == [1, 2]
