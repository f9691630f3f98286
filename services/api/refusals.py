"""Why the API refuses a request, beside what all processes have for that."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from libs.web.problems import PROBLEM_JSON, Finding, Refusal, answer

__all__ = ["PROBLEM_JSON", "Finding", "Refusal", "answer", "not_ready", "unavailable", "wrong_parameter"]


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
