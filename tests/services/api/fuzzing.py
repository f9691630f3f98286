"""Requests that schemathesis makes of the description, and what every answer has to be."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

# Not that a request which fits the schemas is taken: a cursor is a string, but not each string is one. Nor that one
# which does not is refused: parameters that nobody knows are left aside.
_CHECKS: Final = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


def operations_of(schema: Any) -> list[Any]:
    """The operations that a description has."""
    return [each.ok() for each in schema.get_all_operations()]


def fuzz(
    operation: Any,
    headers: Mapping[str, str],
    parameters: Mapping[str, str] | None = None,
    base_url: str | None = None,
    examples: int = 15,
) -> None:
    """Ask what fits the description, and what does not, so many times each; ``parameters`` are those of the path.

    Raises schemathesis' FailureGroup for an answer that is a fault of the server or none that is described.
    """
    for mode in GenerationMode:
        if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
            continue

        @settings(
            max_examples=examples,
            derandomize=True,  # what passed once passes again; more examples find more
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
        )
        @given(operation.as_strategy(mode, path_parameters=None if parameters is None else dict(parameters)))
        def answered(case: Case[Any]) -> None:
            case.call_and_validate(base_url=base_url, headers=dict(headers), checks=_CHECKS)

        answered()


def _can_be_wrong(operation: Any) -> bool:
    return bool(operation.query or operation.body or operation.headers)
