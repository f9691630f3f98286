"""Why a request is refused, as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

import orjson
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

PROBLEM_JSON: Final = "application/problem+json"
SHOWN: Final = 200  # characters of a path worth showing

Handler = Callable[[Request, Exception], Awaitable[Response]]


class Finding(NamedTuple):
    """One thing that is wrong with a request: a JSON Pointer (empty = the whole body, ``/limit`` for a parameter), and
    what is wrong there."""

    pointer: str
    detail: str


class Refusal(Exception):
    """A request that gets no 2xx. ``findings`` where its input is at fault; ``more`` are members of the problem."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        findings: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
        more: Mapping[str, object] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.findings = tuple(findings)
        self.headers = headers
        self.more = more or {}


def answer(refusal: Refusal) -> Response:
    """The refusal as the client gets it."""
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": refusal.status.phrase,
        "status": refusal.status.value,
        "detail": refusal.detail,
        **refusal.more,
    }
    if refusal.findings:
        problem["errors"] = [finding._asdict() for finding in refusal.findings]
    return Response(orjson.dumps(problem), refusal.status, refusal.headers, PROBLEM_JSON)


def handlers(process: str) -> dict[type[Exception] | int, Handler]:
    """What an app answers to a refusal, to what is no route of its own, and to a fault, which is ``process``'s."""

    async def refuse(_request: Request, error: Exception) -> Response:
        assert isinstance(error, Refusal)
        return answer(error)

    async def fail(_request: Request, _error: Exception) -> Response:
        # Starlette raises the error again once this is sent, so that the server logs it.
        said = f"the {process} has a fault; it is in its log"
        return answer(Refusal(HTTPStatus.INTERNAL_SERVER_ERROR, said))

    return {HTTPException: _refuse_route, Refusal: refuse, Exception: fail}


async def _refuse_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    path = request.scope["path"][:SHOWN]
    said = {
        HTTPStatus.NOT_FOUND: f"there is nothing at {path}",
        HTTPStatus.METHOD_NOT_ALLOWED: f"{request.method[:SHOWN]} is not for {path}",
    }
    status = HTTPStatus(error.status_code)
    return answer(Refusal(status, said.get(status, error.detail), headers=error.headers))
