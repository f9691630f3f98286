"""What a request on versions asks for (001), or all that is wrong with it at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from pydantic import BaseModel, ConfigDict, ValidationError

from libs.contracts.versions import Target
from libs.ledger.digest import digest
from libs.ledger.invalid import Invalid, all_from_validation, shown
from libs.ledger.reading import Document, read
from services.api.refusals import Finding, Refusal, wrong_parameter

ASSOCIATIONS: Final = ("orders", "positions")
LONGEST_KEY: Final = 255
MAX_FINDINGS: Final = 100
KEY_POINTER: Final = "/Idempotency-Key"
_NOT_READABLE: Final = frozenset({"not_json", "too_deep", "too_many_keys"})
_HUNDRED: Final = 100


class Portfolio(BaseModel):
    """What a strategy is to hold."""

    model_config = ConfigDict(extra="allow")

    positions: list[Target]


class ExecuteBody(BaseModel):
    """The body of an execute request."""

    model_config = ConfigDict(extra="allow")

    data: Portfolio


class Wanted(NamedTuple):
    """An execution that is asked for: symbols and weights in percent, the request's key, and a digest of its body."""

    targets: tuple[tuple[str, str], ...]
    key: str | None
    request: str


def wanted(body: bytes, keys: Sequence[str]) -> Wanted:
    """What the body and the Idempotency-Key headers of an execute request say. Raises Refusal: 400, 422."""
    document = _read(body)
    findings = [*_key_findings(keys), *_findings(document)]
    if findings:
        more = len(findings) - MAX_FINDINGS
        detail = findings[0].detail + (f" (and {more} findings more than are listed)" if more > 0 else "")
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, findings[:MAX_FINDINGS])
    targets = tuple((one["symbol"], one["weight"]) for one in document["data"]["positions"])
    return Wanted(targets, keys[0] if keys else None, digest(document).hex())


def associations(texts: Sequence[str]) -> frozenset[str]:
    """What ``include`` asks for, comma-separated. Raises Refusal (422)."""
    chosen = [name for text in texts for name in text.split(",")]
    for name in chosen:
        if name not in ASSOCIATIONS:
            raise wrong_parameter("include", f"is none of {', '.join(ASSOCIATIONS)}: {shown(name)}")
    return frozenset(chosen)


def _read(body: bytes) -> Document:
    try:
        return read(body)
    except Invalid as invalid:
        readable = invalid.error not in _NOT_READABLE
        status = HTTPStatus.UNPROCESSABLE_ENTITY if readable else HTTPStatus.BAD_REQUEST
        detail = f"the body is {invalid.detail}"
        raise Refusal(status, detail, [Finding("", invalid.detail)]) from None


def _key_findings(keys: Sequence[str]) -> Iterator[Finding]:
    if len(keys) > 1:
        yield Finding(KEY_POINTER, "Idempotency-Key is there more than once")
    elif keys and not (keys[0].isascii() and keys[0].isprintable() and 1 <= len(keys[0]) <= LONGEST_KEY):
        yield Finding(KEY_POINTER, f"Idempotency-Key is not 1 to {LONGEST_KEY} printable ASCII characters")


def _findings(document: Document) -> list[Finding]:
    found = []
    try:
        ExecuteBody.model_validate(document)
    except ValidationError as failure:
        found = [Finding(one.pointer, one.detail) for one in all_from_validation(failure)]
    data = document.get("data")
    positions = data.get("positions") if isinstance(data, dict) else None
    if not isinstance(positions, list):
        return found
    malformed = {one.pointer for one in found}
    found += _of_symbols(positions, malformed)
    weights = []
    for at, one in enumerate(positions):
        pointer = f"/data/positions/{at}/weight"
        if not isinstance(one, dict) or pointer in malformed:
            continue
        weight = Decimal(one["weight"])
        if weight < 0:
            found.append(Finding(pointer, f"weight is less than zero: {shown(one['weight'])}"))
        else:
            weights.append(weight)
    if sum(weights) > _HUNDRED:
        found.append(Finding("/data/positions", f"the weights sum to {sum(weights)}, more than 100"))
    return found


def _of_symbols(positions: list[Any], malformed: set[str]) -> Iterator[Finding]:
    seen: set[str] = set()
    for at, one in enumerate(positions):
        pointer = f"/data/positions/{at}/symbol"
        if not isinstance(one, dict) or pointer in malformed:
            continue
        if one["symbol"] in seen:
            yield Finding(pointer, f"symbol is there twice: {shown(one['symbol'])}")
        seen.add(one["symbol"])
