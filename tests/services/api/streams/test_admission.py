"""Who is let in, and with which status who is not."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import pytest

from services.api.streams.admission import Door, Unwelcome
from tests.services.api.streams.server import Grant


class Refused(Exception):
    """As the API's own has it."""

    def __init__(self, reason: str, unavailable: bool = False) -> None:
        super().__init__(reason)
        self.unavailable = unavailable


class Judge:
    """Knows the key ``good`` and the token ``good``; can't say anything of ``away``."""

    async def api_key(self, key: object, timestamp: object, sign: object, method: str, path: str) -> str:
        """The account."""
        self._check(key)
        return f"{key} {timestamp} {sign} {method} {path}"

    async def bearer(self, token: object) -> Grant:
        """What a token stands for."""
        self._check(str(token).partition("-")[0])
        return Grant(frozenset(["agents:read" if token == "good" else "other"]))

    def _check(self, name: object) -> None:
        if name != "good":
            raise Refused(f"{name} is not good", unavailable=name == "away")


DOOR = Door(Judge(), Refused)


def scope(client: str | None, authorization: str | None = None, query: str = "") -> dict[str, Any]:
    """What the server says of a connection."""
    headers = [] if authorization is None else [(b"authorization", authorization.encode())]
    where = None if client is None else (client, 5)
    return {
        "type": "websocket",
        "client": where,
        "headers": headers,
        "query_string": query.encode(),
        "path": "/v1/ws",
    }


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"])
async def test_agents_are_open_on_loopback(client: str) -> None:
    """Whatever the header says."""
    await DOOR.agents(scope(client))
    await DOOR.agents(scope(client, "Bearer bad"))


@pytest.mark.parametrize("client", ["10.0.0.1", "::ffff:10.0.0.1", "2001:db8::1", "unknown", "", None])
async def test_agents_need_a_token_elsewhere(client: str | None) -> None:
    """With the scope agents:read."""
    await DOOR.agents(scope(client, "Bearer good"))
    await DOOR.agents(scope(client, "bearer  good"))
    for authorization, status in (
        (None, HTTPStatus.UNAUTHORIZED),
        ("", HTTPStatus.UNAUTHORIZED),
        ("Basic good", HTTPStatus.UNAUTHORIZED),
        ("Bearer", HTTPStatus.UNAUTHORIZED),
        ("Bearer bad", HTTPStatus.UNAUTHORIZED),
        ("Bearer good-otherwise", HTTPStatus.FORBIDDEN),
        ("Bearer away", HTTPStatus.SERVICE_UNAVAILABLE),
    ):
        with pytest.raises(Unwelcome) as why:
            await DOOR.agents(scope(client, authorization))
        assert why.value.status is status, authorization
        assert ("WWW-Authenticate" in why.value.headers) is (status is HTTPStatus.UNAUTHORIZED)


async def test_a_signed_url() -> None:
    """Is signed by all three parameters, each once, or not at all."""
    good = "api_key=good&timestamp=17&signature=ab"
    assert await DOOR.signed_url(scope("10.0.0.1", query=good)) == "good 17 ab GET /v1/ws"
    assert await DOOR.signed_url(scope("10.0.0.1", query=f"{good}&more=1")) == "good 17 ab GET /v1/ws"
    assert await DOOR.signed_url(scope("10.0.0.1")) is None
    assert await DOOR.signed_url(scope("10.0.0.1", query="more=1")) is None
    for query, status in (
        ("api_key=good", HTTPStatus.UNAUTHORIZED),
        ("signature=", HTTPStatus.UNAUTHORIZED),
        (f"{good}&api_key=good", HTTPStatus.UNAUTHORIZED),
        (good.replace("good", "bad"), HTTPStatus.UNAUTHORIZED),
        (good.replace("good", "away"), HTTPStatus.SERVICE_UNAVAILABLE),
    ):
        with pytest.raises(Unwelcome) as why:
            await DOOR.signed_url(scope("10.0.0.1", query=query))
        assert why.value.status is status, query
        assert why.value.unavailable is (status is HTTPStatus.SERVICE_UNAVAILABLE)
