"""Why a request is refused, as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

import orjson
from starlette.responses import Response

PROBLEM_JSON: Final = "application/problem+json"


class Finding(NamedTuple):
    """One thing that is wrong with a body: a JSON Pointer (empty = the whole) and what is wrong there."""

    pointer: str
    detail: str


class Refusal(Exception):
    """A request that gets no 202. ``findings`` where its body is at fault."""

    def __init__(
        self,
        status: HTTPStatus,
        detail: str,
        findings: Sequence[Finding] = (),
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.findings = tuple(findings)
        self.headers = headers


def answer(refusal: Refusal) -> Response:
    """The refusal as the sender gets it."""
    problem: dict[str, object] = {
        "type": "about:blank",
        "title": refusal.status.phrase,
        "status": refusal.status.value,
        "detail": refusal.detail,
    }
    if refusal.findings:
        problem["errors"] = [finding._asdict() for finding in refusal.findings]
    return Response(orjson.dumps(problem), refusal.status, refusal.headers, PROBLEM_JSON)
