"""Who is believed: each signature once, whichever process sees it, and nothing odd is more than a refusal."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from libs.contracts.names import Names
from libs.runtime.credentials import Away
from libs.security.credentials import Credential, Kind, make_api_key, make_token
from libs.security.signing import sign
from services.api.authentication import Authenticator, Refused

MASTER = bytes(32)
NOW = 1_761_739_200.0
AT = "2026-06-01T00:00:00.000Z"
KEY, SECRET, KEPT = make_api_key("acct", MASTER, AT)
TOKEN, GRANTED = make_token("org", ["agents:read"], AT)
PATH = "/v1/ws"


class Kept:
    """Credentials that are at hand, or that can't be looked up now."""

    def __init__(self, *credentials: Credential, away: bool = False) -> None:
        self._kept = {one.name: one for one in credentials}
        self._away = away

    async def find(self, kind: Kind, sha256: str) -> Credential | None:
        if self._away:
            raise Away("Kafka does not answer")
        return self._kept.get(f"{kind}:{sha256}")


def authenticator(redis: Redis, names: Names, lookup: Kept, now: float = NOW) -> Authenticator:
    return Authenticator(lookup, redis, names, MASTER, clock=lambda: now)


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    async with Redis.from_url(redis_url) as client:
        yield client


def unreachable() -> Redis:
    return Redis.from_url("redis://127.0.0.1:1/0", socket_connect_timeout=0.2)


@pytest.mark.real
async def test_a_signature_is_taken_once_of_many_that_show_it_at_once(redis: Redis, namespace: str) -> None:
    """Two authenticators stand for two processes: what they share is Redis."""
    names = Names(namespace)
    both = [authenticator(redis, names, Kept(KEPT)) for _ in range(2)]
    at = int(NOW * 1000)
    signature = sign(SECRET, at, "GET", PATH)
    answers = await asyncio.gather(
        *(both[number % 2].api_key(KEY, at, signature, "GET", PATH) for number in range(20)),
        return_exceptions=True,
    )
    assert [one for one in answers if not isinstance(one, Refused)] == ["acct"]
    for refused in (one for one in answers if isinstance(one, Refused)):
        assert (refused.reason, refused.unavailable) == ("the signature was used before", False)
    assert await both[0].api_key(KEY, str(at + 1), sign(SECRET, at + 1, "GET", PATH), "GET", PATH) == "acct"


@pytest.mark.real
async def test_a_used_signature_is_remembered_until_its_timestamp_is_stale(
    redis: Redis, namespace: str
) -> None:
    names = Names(namespace)
    at = int(NOW * 1000) + 30_000  # signed ahead of our clock: good for another 60 s
    await authenticator(redis, names, Kept(KEPT)).api_key(KEY, at, sign(SECRET, at, "GET", PATH), "GET", PATH)
    (name,) = [key async for key in redis.scan_iter(f"{namespace}:signature:*")]
    assert 60_000 < await redis.pttl(name) <= 61_000


@pytest.mark.real
async def test_a_bad_signature_uses_nothing_up(redis: Redis, namespace: str) -> None:
    one = authenticator(redis, Names(namespace), Kept(KEPT))
    at = int(NOW * 1000)
    signature = sign(SECRET, at, "GET", PATH)
    for wrong in [
        (KEY, at, signature, "GET", "/elsewhere"),
        (KEY, at, signature, "POST", PATH),
        (KEY, at + 1, signature, "GET", PATH),
        (KEY + "x", at, signature, "GET", PATH),
        (KEY, at, signature.upper(), "GET", PATH),
        (TOKEN, at, signature, "GET", PATH),
    ]:
        with pytest.raises(Refused) as refused:
            await one.api_key(*wrong)
        assert not refused.value.unavailable
    assert await one.api_key(KEY, at, signature, "GET", PATH + "?since=5") == "acct"


@pytest.mark.parametrize("off", [-30_001, 30_001, 10**9])
async def test_outside_the_window_of_thirty_seconds_it_is_stale(off: int) -> None:
    one = authenticator(unreachable(), Names(), Kept(KEPT))
    at = int(NOW * 1000) + off
    with pytest.raises(Refused, match="more than 30 s"):
        await one.api_key(KEY, at, sign(SECRET, at, "GET", PATH), "GET", PATH)


async def test_an_unknown_key_is_told_as_a_wrong_signature_is() -> None:
    """Who guesses keys learns nothing from the answer."""
    one = authenticator(unreachable(), Names(), Kept(KEPT))
    at = int(NOW * 1000)
    said = set()
    for key in (KEY, "sfk_unknown"):
        with pytest.raises(Refused) as refused:
            await one.api_key(key, at, "0" * 64, "GET", PATH)
        said.add(refused.value.reason)
    assert len(said) == 1


async def test_what_cannot_be_judged_now_is_unavailable_not_refused() -> None:
    at = int(NOW * 1000)
    away = authenticator(unreachable(), Names(), Kept(away=True))
    with pytest.raises(Refused) as refused:
        await away.bearer(TOKEN)
    assert refused.value.unavailable
    with pytest.raises(Refused) as refused:
        await away.api_key(KEY, at, sign(SECRET, at, "GET", PATH), "GET", PATH)
    assert refused.value.unavailable
    no_redis = authenticator(unreachable(), Names(), Kept(KEPT))
    with pytest.raises(Refused) as refused:
        await no_redis.api_key(KEY, at, sign(SECRET, at, "GET", PATH), "GET", PATH)
    assert refused.value.unavailable
    other = Authenticator(Kept(KEPT), unreachable(), Names(), bytes(31) + b"x", clock=lambda: NOW)
    with pytest.raises(Refused, match="another master key") as refused:
        await other.api_key(KEY, at, sign(SECRET, at, "GET", PATH), "GET", PATH)
    assert refused.value.unavailable


async def test_a_token_stands_for_its_organization_and_scopes() -> None:
    one = authenticator(unreachable(), Names(), Kept(KEPT, GRANTED))
    grant = await one.bearer(TOKEN)
    assert (grant.organization, grant.scopes) == ("org", frozenset({"agents:read"}))
    for wrong in (
        None,
        "",
        "x",
        KEY,
        hashlib.sha256(TOKEN.encode()).hexdigest(),
        TOKEN + " ",
        5,
        b"x",
        "x" * 9999,
    ):
        with pytest.raises(Refused) as refused:
            await one.bearer(wrong)
        assert not refused.value.unavailable


ODD = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary())


@given(ODD, ODD, ODD, st.text(), st.text())
async def test_nothing_odd_is_more_than_a_refusal(
    key: object, timestamp: object, signature: object, method: str, path: str
) -> None:
    one = authenticator(unreachable(), Names(), Kept(KEPT))
    with pytest.raises(Refused):
        await one.api_key(key, timestamp, signature, method, path)
    with pytest.raises(Refused):
        await one.bearer(key)
