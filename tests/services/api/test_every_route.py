"""Each route lets in who has all of its scopes, and shows nobody what is another organization's.

The routes are those that the application has: one that is not in the table fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx
import pytest

from libs.security.credentials import SCOPES
from tests.services.api.process import ELSEWHERE
from tests.services.api.route_table import OPEN, OURS, TABLE, Route, Row, Stranger, path_of, world
from tests.services.api.versions_world import DESCRIPTION, FOREIGN, OWN, World

EVERY = pytest.mark.parametrize(
    ("route", "row"), TABLE.items(), ids=[f"{method} {path}" for method, path in TABLE]
)
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


def methods_of(one: World) -> dict[str, set[str]]:
    """What the application takes, by path; HEAD comes with GET."""
    found: dict[str, set[str]] = {}
    app: Any = one.app
    for route in app.routes:
        found.setdefault(route.path, set()).update(route.methods)
    return found


async def ask(one: World, route: Route, headers: Mapping[str, str], query: str = "") -> httpx.Response:
    """From elsewhere than this machine, where nothing is open."""
    return await one.client.request(
        route[0], path_of(route) + query, json=TABLE[route].body, headers={**ELSEWHERE, **headers}
    )


def test_the_table_has_every_route_and_every_scope() -> None:
    found = methods_of(world())
    there = {(method, path) for path, methods in found.items() for method in methods - {"HEAD"}}
    assert there == TABLE.keys() | OPEN
    assert {"dead:redrive"}.union(*(row.scopes for row in TABLE.values())) == set(SCOPES)
    described = {
        (method.upper(), path)
        for path, item in DESCRIPTION["paths"].items()
        for method in item
        if method != "parameters"
    }
    elsewhere = {("GET", "/live/stream"), ("POST", "/live/dead/redrive")}  # tested with servers of their own
    assert elsewhere <= described
    assert described - elsewhere == there - {("GET", "/page/{name}")}


@EVERY
async def test_a_token_needs_each_scope_of_a_route_and_no_other(route: Route, row: Row) -> None:
    """Every scope by itself, all but one that is needed, and just those that are."""
    one = world()
    for scope in SCOPES:
        alone = await ask(one, route, one.token(scope))
        assert (alone.status_code == 403) == (row.scopes != {scope}), (scope, alone.text)
    for needed in row.scopes:
        lacking = await ask(one, route, one.token(*(scope for scope in SCOPES if scope != needed)))
        assert lacking.status_code == 403
        assert needed in lacking.json()["detail"]
        assert 'error="insufficient_scope"' in lacking.headers["www-authenticate"]
    assert (await ask(world(), route, one.token())).status_code in (401, 403)
    anew = world()
    assert (await ask(anew, route, anew.token(*row.scopes))).is_success


@EVERY
async def test_nobody_is_let_in_without_credentials_that_we_know(route: Route, row: Row) -> None:
    """But to agents, from this machine."""
    one = world()
    for headers in ({}, {"Authorization": "Bearer x"}, {"Authorization": "Basic eDp4"}, {"X-Api-Key": "x"}):
        refused = await ask(one, route, headers)
        assert refused.status_code == 401, refused.text
        assert refused.headers["www-authenticate"].startswith("Bearer")
        assert refused.headers["content-type"] == "application/problem+json"
        assert not [each for each in OURS if each in refused.text]
    near = await one.client.request(route[0], path_of(route), json=row.body)
    assert near.status_code == (200 if row.local else 401)
    if "GET" in route:
        for headers, status in (({}, 401), (one.token(*row.scopes), 200), (one.token("x"), 403)):
            head = await one.client.head(path_of(route), headers={**ELSEWHERE, **headers})
            assert head.status_code == status
    one.tokens.accounts["key"] = OWN
    by_key = await ask(one, route, {"X-Api-Key": "key"})
    assert by_key.status_code == (200 if row.keys else 401)


@EVERY
async def test_what_is_an_organization_s_is_shown_to_it_alone(route: Route, row: Row) -> None:
    """In every form that it can be asked for; and what another one asks for does nothing."""
    one = world()
    one.tokens.accounts["key"] = FOREIGN
    ways = [one.token(*SCOPES, organization=FOREIGN), *([{"X-Api-Key": "key"}] if row.keys else [])]
    before = len(one.inputs)
    for query in row.query:
        for stranger in ways:
            shown = await ask(one, route, stranger, query)
            if row.stranger is Stranger.NOTHING:
                assert shown.status_code == 404, (query, shown.text)
            elif row.stranger is Stranger.EMPTY:
                assert (shown.status_code, shown.json()) == (200, {"data": [], "next_cursor": None}), query
            if row.stranger is not Stranger.THE_SAME:
                assert not [each for each in OURS if each in shown.text]
        assert len(one.inputs) == before
        ours = await ask(one, route, one.token(*SCOPES), query)
        assert ours.is_success, (query, ours.text)
        if row.stranger is Stranger.EMPTY:
            assert ours.json()["data"]
        if row.stranger is Stranger.THE_SAME:
            assert (await ask(one, route, ways[0], query)).content == ours.content


async def test_no_path_takes_another_method() -> None:
    one = world()
    for path, methods in methods_of(one).items():
        for method in METHODS:
            if method in methods:
                continue
            answer = await one.client.request(method, path_of((method, path)), headers=one.token(*SCOPES))
            assert answer.status_code == 405, (method, path)
            assert set(answer.headers["allow"].split(", ")) == methods
