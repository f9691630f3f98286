"""Why a request is refused, as RFC 9457 problem details."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Final, NamedTuple

import orjson
from starlette.responses import Response

PROBLEM_JSON: Final = "application/problem+json"


class Finding(NamedTuple):
    """One thing that is wrong with a request: a JSON Pointer to it (``/limit`` for a parameter) and what is wrong."""

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


def unavailable(detail: str, more: Mapping[str, object] | None = None) -> Refusal:
    """503: the same request may be answered in a moment."""
    return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, detail, headers={"Retry-After": "1"}, more=more)


def not_ready(service: str, partition: int) -> Refusal:
    """503: what Redis shows of a partition may be old while its worker is not at work."""
    return unavailable(
        f"partition {partition} of {service} is not ready", {"partitions": {service: [partition]}}
    )


def wrong_parameter(name: str, detail: str) -> Refusal:
    """422: a parameter of the query is at fault."""
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, f"{name} {detail}", [Finding(f"/{name}", detail)])
