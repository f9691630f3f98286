"""The sender: signed, repeated as a webhook sender does, stopped cleanly; against the gateway's own app and fakes."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice

import httpx
import pytest

from libs.security.webhooks import verify
from services.gateway.app import build
from services.gateway.intake import Accepted
from services.simulator.disorder import Delivery, Shares, deliveries
from services.simulator.sender import PATHS, Rejected, Sender

START = datetime(2026, 5, 29, 18, 56, 43, tzinfo=UTC)
GATEWAY = "http://gateway.test"
KEY = b"k" * 32
FAULTS = Shares(duplicate=0.25, reordered=0.10, contradictory=0.02, broken=0.10)


class Kept:
    """A producer that keeps what it is given."""

    def __init__(self) -> None:
        self.accepted: list[Accepted] = []

    async def append(self, accepted: Accepted) -> None:
        """Always acknowledged."""
        self.accepted.append(accepted)

    def obstacle(self) -> str | None:
        """None, ever."""
        return None


def some(count: int, shares: Shares = FAULTS) -> list[Delivery]:
    """The first deliveries of a stream."""
    return list(islice(deliveries(1, shares, START), count))


def sender(
    answer: Callable[[httpx.Request], httpx.Response], *, attempts: int = 4, paced: bool = False
) -> Sender:
    """A sender whose gateway is a function."""
    return Sender(GATEWAY, KEY, attempts=attempts, paced=paced, transport=httpx.MockTransport(answer))


async def test_the_gateway_takes_all_that_is_sound() -> None:
    """Through the gateway's app: every sound body gets 202 and arrives byte for byte; most broken ones don't."""
    producer, stream = Kept(), some(1_500)
    transport = httpx.ASGITransport(build([KEY], producer))
    tally = await Sender(GATEWAY, KEY, paced=False, transport=transport).send(stream)
    arrived = Counter((one.service, one.value) for one in producer.accepted)
    sent = Counter((one.webhook, one.body) for one in stream)
    sound = Counter((one.webhook, one.body) for one in stream if one.kind != "broken")
    assert sound <= arrived <= sent
    assert tally.unexpected == tally.given_up == tally.retries == 0
    assert tally.accepted == len(producer.accepted)
    assert tally.refused == len(stream) - tally.accepted
    assert tally.refused > 50
    assert tally.kinds == Counter(one.kind for one in stream)


async def test_requests_are_signed_and_go_to_their_webhook() -> None:
    """The headers are those of Standard Webhooks, each kind has its path."""
    seen: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        name, stamp, signature = (
            request.headers[f"webhook-{part}"].encode() for part in ("id", "timestamp", "signature")
        )
        verify([KEY], name, stamp, signature, request.content, time.time())
        seen.append((request.url.path, request.content))
        return httpx.Response(202)

    stream = some(50)
    await sender(answer).send(stream)
    assert Counter(seen) == Counter((PATHS[one.webhook], one.body) for one in stream)


@pytest.mark.parametrize("failure", [503, 500, 429, httpx.ConnectError("away"), httpx.ReadTimeout("late")])
async def test_what_was_not_taken_is_sent_again(failure: int | httpx.TransportError) -> None:
    """The same webhook-id and body again, until it is taken."""
    seen: list[tuple[str, bytes]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append((request.headers["webhook-id"], request.content))
        if len(seen) > 2:
            return httpx.Response(202)
        if isinstance(failure, int):
            return httpx.Response(failure)
        raise failure

    one = some(1)
    tally = await sender(answer).send(one)
    assert seen == [(one[0].id, one[0].body)] * 3
    assert (tally.accepted, tally.retries, tally.given_up) == (1, 2, 0)


async def test_a_gateway_that_never_takes_it_is_given_up() -> None:
    """After the last attempt the delivery is counted as given up, and sending goes on."""
    tally = await sender(lambda _: httpx.Response(503), attempts=2).send(some(3))
    assert (tally.accepted, tally.retries, tally.given_up) == (0, 6, 3)


async def test_a_refusal_is_final() -> None:
    """4xx is never repeated: expected for a broken body, told of for a sound one."""
    stream = some(300)
    calls = Counter[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        calls[request.headers["webhook-id"]] += 1
        return httpx.Response(422)

    tally = await sender(answer).send(stream)
    broken = sum(one.kind == "broken" for one in stream)
    assert (tally.refused, tally.unexpected, tally.retries) == (broken, len(stream) - broken, 0)
    assert calls == Counter(one.id for one in stream)


async def test_a_wrong_secret_ends_it() -> None:
    """401 means that every other webhook would be refused as well."""
    with pytest.raises(Rejected, match="STRATAFOLD_WEBHOOK_SECRETS"):
        await sender(lambda _: httpx.Response(401)).send(deliveries(1, FAULTS, START))


async def test_told_to_stop_it_stops_whatever_it_waits_for() -> None:
    """An endless stream, at its own pace, with a gateway that is away: over soon after stop."""

    def away(_request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("away")

    one = sender(away, attempts=100, paced=True)
    running = asyncio.create_task(one.send(deliveries(1, FAULTS, START)))
    await asyncio.sleep(0.5)
    one.stop()
    tally = await asyncio.wait_for(running, 3)
    assert tally.accepted == 0
    assert tally.given_up > 0


async def test_paced_it_keeps_to_the_deliveries_times() -> None:
    """What is due after 0.4 s is not sent before."""
    times: list[float] = []

    def answer(_request: httpx.Request) -> httpx.Response:
        times.append(time.monotonic())
        return httpx.Response(202)

    first = some(1)[0]
    began = time.monotonic()
    await sender(answer, paced=True).send([first._replace(at=at) for at in (0.0, 0.2, 0.4)])
    assert [at - began for at in times] == pytest.approx([0.0, 0.2, 0.4], abs=0.15)
    assert times[-1] - began >= 0.4


async def test_no_more_at_a_time_than_allowed() -> None:
    """Concurrency is bounded."""
    now, most = 0, 0

    async def answer(_request: httpx.Request) -> httpx.Response:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.001)
        now -= 1
        return httpx.Response(202)

    transport = httpx.MockTransport(answer)
    await Sender(GATEWAY, KEY, concurrency=5, paced=False, transport=transport).send(some(200))
    assert most == 5
