"""Each line that is logged while a request is answered has its id, the server's own about a fault among them."""

from __future__ import annotations

import asyncio
import re
from unittest.mock import AsyncMock

import pytest
from starlette.types import Receive, Scope, Send
from structlog.contextvars import get_contextvars

from libs.web.correlated import Correlated


async def bound(*headers: tuple[bytes, bytes]) -> str:
    """The id that lines have, also once the app has failed."""
    during: list[str] = []

    async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
        during.append(get_contextvars()["correlation_id"])
        raise RuntimeError("a fault")

    async def request() -> str:
        with pytest.raises(RuntimeError):
            await Correlated(app, "x-request-id")(
                {"type": "http", "headers": headers}, AsyncMock(), AsyncMock()
            )
        return str(get_contextvars()["correlation_id"])

    after = await asyncio.create_task(request())  # as the server does
    assert during == [after]
    return after


async def test_the_senders_id_is_taken() -> None:
    assert await bound((b"x-other", b"2"), (b"x-request-id", b"msg_1")) == "msg_1"


@pytest.mark.parametrize("theirs", [b"", b"a b", b"a\xff", b"x" * 129, b"a\nb"])
async def test_one_that_is_not_fit_to_be_shown_gives_way_to_one_made_up(theirs: bytes) -> None:
    assert re.fullmatch(r"[0-9a-f]{32}", await bound((b"x-request-id", theirs)))


async def test_requests_do_not_get_each_others() -> None:
    ids = await asyncio.gather(*(bound() for _ in range(5)))
    assert len(set(ids)) == 5
    assert "correlation_id" not in get_contextvars()
