"""Get Strategy of 004: a strategy of the caller's account, with what is known of the account's stream."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from libs.ledger.reading import read_exactly
from services.api.access import Access
from services.api.backend import Backend, document
from services.api.refusals import Refusal, not_ready

SERVICE: Final = "strategies"
_OWN: Final = ("status", "error", "positions", "orders", "realized_pnl", "fees")
_ENDING: Final = ":log"  # of the keys of histories


def routes(backend: Backend, access: Access) -> list[Route]:
    """`GET /api/v1/strategies/{strategy_id}`."""

    async def get_strategy(request: Request) -> Response:
        account = await access.account(request)
        body = await strategy(backend, account, request.path_params["strategy_id"])
        return Response(b'{"data":' + body + b"}", media_type="application/json")

    return [Route("/api/v1/strategies/{strategy_id}", get_strategy)]


async def strategy(backend: Backend, account: str, strategy_id: str) -> bytes:
    """Get Strategy's data as JSON. Raises Refusal: 404, 503."""
    nothing = Refusal(HTTPStatus.NOT_FOUND, "the account has no such strategy")
    if ":" in account or strategy_id.endswith(_ENDING):
        raise nothing
    entity_id = f"{account}:{strategy_id}"
    partition = backend.partition(account)
    found = await backend.ask(backend.views.joined(SERVICE, partition, (entity_id, account)))
    if not found.ready:
        raise not_ready(SERVICE, partition)
    own, shared = found.fields
    if not own:
        raise nothing
    told = read_exactly(document(SERVICE, entity_id, own))
    # completeness is the account's, and of this moment: what the strategy has of it is as of its own last fact
    stream = read_exactly(document(SERVICE, account, shared))
    answer: dict[str, Any] = {
        "id": strategy_id,
        "account": account,
        **{name: told[name] for name in _OWN},
        "completeness": stream["completeness"],
        "gaps": stream["gaps"],
        "upstream_seq": stream["upstream_seq"],
        "seq": stream["seq"],
    }
    return orjson.dumps(answer)
