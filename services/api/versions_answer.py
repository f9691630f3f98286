"""What became of a command on a version, from the version's history, and how 001 tells it. Pure.

An answer is taken from the record of the command itself, so that it is the same whenever it is asked for: with the
document as that record left it, not as orders that were sent meanwhile have changed it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final, NamedTuple

import orjson

from libs.contracts.versions import ALREADY_EXECUTED, DUE, EXECUTE, KEY_REUSED, TOO_MANY_KEYS, UNKNOWN_SYMBOLS
from libs.ledger.aggregate import Aggregate
from libs.ledger.envelope import parse_log_record
from libs.ledger.intake import fact_in
from libs.ledger.verdict import Verdict
from services.api.refusals import Finding, Refusal
from services.api.versions_request import ASSOCIATIONS, KEY_POINTER

PROBLEMS: Final = {
    UNKNOWN_SYMBOLS: "Unknown symbols",
    ALREADY_EXECUTED: "Version already executed",
    KEY_REUSED: "Idempotency key reused",
}
EXECUTED: Final[Mapping[str, Any]] = MappingProxyType(
    {"code": ALREADY_EXECUTED, "detail": "the version has been executed"}
)
_FIRST_ANSWERS: Final = frozenset({UNKNOWN_SYMBOLS, ALREADY_EXECUTED})
_JUDGED: Final = frozenset({Verdict.APPLIED, Verdict.IGNORED})
_OWN: Final = (
    "id",
    "strategy_id",
    "cash_weight",
    "old_cash_weight",
    "scheduled_for",
    "status",
    "executed_at",
    "inserted_at",
)


class Outcome(NamedTuple):
    """The version as a command left it (its state document), and why the command was refused, if it was."""

    document: Mapping[str, Any]
    refused: Mapping[str, Any] | None


def outcome_of(
    aggregate: Aggregate[Any], version_id: str, history: Sequence[bytes], command_id: str
) -> Outcome | None:
    """What a command came to; None where the history does not have it. Raises ValueError for a damaged record."""
    for body, _, state in _followed(aggregate, version_id, history):
        if body["id"] == command_id:
            return _outcome(aggregate, state, command_id)
    return None


def first_answer(
    aggregate: Aggregate[Any], version_id: str, history: Sequence[bytes], organization: str, key: str
) -> Outcome | None:
    """What an organization's first request under a key came to. Raises ValueError for a damaged record."""
    for body, verdict, state in _followed(aggregate, version_id, history):
        if body["event"] not in (EXECUTE, DUE) or verdict not in _JUDGED:
            continue
        data = body["data"]
        if (data["organization_id"], data["idempotency_key"]) != (organization, key):
            continue
        found = _outcome(aggregate, state, body["id"])
        if found.refused is None or found.refused["code"] in _FIRST_ANSWERS:
            return found
    return None


def _followed(
    aggregate: Aggregate[Any], version_id: str, history: Sequence[bytes]
) -> Iterator[tuple[Mapping[str, Any], Verdict, Any]]:
    """Each record's command, its verdict, and the state after it; nothing where the beginning is no longer at hand."""
    state = aggregate.initial(version_id)
    for number, value in enumerate(history):
        logged = parse_log_record(value)
        if number == 0 and logged.attributes["sequence"] != 1:
            return
        fact = fact_in(aggregate, logged)
        state = aggregate.evolve(state, fact, logged.verdict)
        yield fact.body, logged.verdict, state


def _outcome(aggregate: Aggregate[Any], state: Any, command_id: str) -> Outcome:
    document = orjson.loads(aggregate.render(state).json)
    refused = next((one for one in document["refused"] if one["command"] == command_id), None)
    return Outcome(document, refused)


def known(document: Mapping[str, Any]) -> bool:
    """Whether there is such a version: of some only refused commands are known."""
    return document["inserted_at"] is not None


def shown(document: Mapping[str, Any], include: Collection[str] = ASSOCIATIONS) -> bytes:
    """A version as 001 shows it, as JSON, with those of its associations that are asked for."""
    names = (*_OWN, *(name for name in ASSOCIATIONS if name in include))
    return orjson.dumps({name: document[name] for name in names})


def location(strategy_id: str, version_id: str) -> str:
    """Where a created version is shown."""
    return f"/api/v1/strategies/{strategy_id}/versions/{version_id}?include=orders,positions"


def problem(refused: Mapping[str, Any], symbols: Sequence[str] = ()) -> Refusal:
    """The 422 that a refused command is answered with; ``symbols`` are those of the request, in its order."""
    code = refused["code"]
    if code == TOO_MANY_KEYS:
        wait = -(-refused["wait_ms"] // 1_000)
        return Refusal(HTTPStatus.TOO_MANY_REQUESTS, refused["detail"], headers={"Retry-After": str(wait)})
    more: dict[str, object] = {"type": f"/problems/{code}", "title": PROBLEMS[code]}
    if "version_id" in refused:  # that is on its way, or that the key was used for
        more["version_id"] = refused["version_id"]
    findings: list[Finding] = []
    detail: str = refused["detail"]
    if code == UNKNOWN_SYMBOLS:
        unknown = refused["unknown_symbols"]
        more["unknown_symbols"] = unknown
        detail = f"unknown symbols: {', '.join(unknown)}"
        findings = [
            Finding(f"/data/positions/{at}/symbol", f"there is no symbol {symbol}")
            for at, symbol in enumerate(symbols)
            if symbol in unknown
        ]
    elif code == KEY_REUSED:
        findings = [Finding(KEY_POINTER, detail)]
    return Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, findings, more=more)
