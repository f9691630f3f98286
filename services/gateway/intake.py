"""From a webhook's headers and body to the record that is appended, or to the refusal. Pure.

Judged in this order: size (413), signature (401), JSON within the caps (400), the documented fields (422). A body that
passes is kept byte for byte.

422 means "not that webhook": a documented field (000, 003) that is missing, mistyped or malformed, all of them told at
once. What the fields mean together is the worker's to judge: weights that don't sum to 1, an executed instruction
without its fill. Such a body is accepted here, kept in the input topic, and quarantined by the worker, visible in
``.dead`` with the field at fault; so a fact that a sender can't mend is not lost with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel, ValidationError

from libs.contracts import executions, operations
from libs.contracts.traceparent import of_request, record_headers
from libs.ledger.checks import check_time
from libs.ledger.invalid import Invalid, all_from_validation, shown
from libs.ledger.reading import MAX_BYTES, Document, read
from libs.security.webhooks import (
    ID_HEADER,
    SIGNATURE_HEADER,
    TIMESTAMP_HEADER,
    BadSignature,
    verify,
)
from libs.web.problems import Finding, Refusal

Headers = Iterable[tuple[bytes, bytes]]

MAX_FINDINGS: Final = 100
_SIGNED: Final = (ID_HEADER.encode(), TIMESTAMP_HEADER.encode(), SIGNATURE_HEADER.encode())
_NOT_READABLE: Final = frozenset({"not_json", "too_deep", "too_many_keys"})


@dataclass(frozen=True, slots=True)
class Webhook:
    """One kind of webhook: where it comes in, what it looks like, which service's input it becomes.

    A body may say its ``name`` as its ``event``. ``times`` lists the times in a document with their pointers.
    """

    path: str
    name: str
    service: str
    model: type[BaseModel]
    times: Callable[[Document], Iterator[tuple[str, object]]]


@dataclass(frozen=True, slots=True)
class Accepted:
    """What is to be appended to ``<service>.in``: the routing key, the body as it came, the record's headers."""

    service: str
    key: str
    value: bytes
    headers: tuple[tuple[str, bytes | None], ...]


def _stamps(document: Document) -> Iterator[tuple[str, object]]:
    for field in ("created_at", "updated_at"):
        yield f"/{field}", document.get(field)


def _stamps_and_fills(document: Document) -> Iterator[tuple[str, object]]:
    yield from _stamps(document)
    instructions = document.get("instructions")
    for index, instruction in enumerate(instructions if isinstance(instructions, list) else ()):
        if isinstance(instruction, dict):
            yield f"/instructions/{index}/executed_at", instruction.get("executed_at")


WEBHOOKS: Final = (
    Webhook(
        path="/webhooks/trade-strategy/operations",
        name=operations.STATUS_EVENT,
        service="operations",
        model=operations.OperationStatusChanged,
        times=_stamps,
    ),
    Webhook(
        path="/webhooks/trade-strategy/executions",
        name=executions.STATUS_EVENT,
        service="executions",
        model=executions.ExecutionStatusChanged,
        times=_stamps_and_fills,
    ),
)


def check_declared_size(headers: Headers) -> None:
    """Refuse a body that says itself that it is too large, before any of it is read. Raises Refusal."""
    for name, value in headers:
        if name == b"content-length" and value.isdigit() and int(value[:20]) > MAX_BYTES:
            raise too_large()


def too_large() -> Refusal:
    """The refusal of a body over the cap."""
    return Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"the body is larger than {MAX_BYTES} bytes")


def accept(webhook: Webhook, keys: Sequence[bytes], headers: Headers, body: bytes, now: float) -> Accepted:
    """Judge a webhook whose size is known to be within the cap; ``now`` in seconds since 1970. Raises Refusal."""
    webhook_id, timestamp = _believe(keys, headers, body, now)
    document = _read(webhook, body)
    findings = _findings(webhook, document)
    if findings:
        more = len(findings) - MAX_FINDINGS
        detail = f"not the body of {webhook.name}: {findings[0].detail}"
        if more > 0:
            detail += f" (and {more} findings more than are listed)"
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, findings[:MAX_FINDINGS])
    return Accepted(
        webhook.service,
        document["id"].lower(),
        body,
        (
            (ID_HEADER, webhook_id),
            (TIMESTAMP_HEADER, timestamp),
            *record_headers(of_request(headers)),
        ),
    )


def _believe(keys: Sequence[bytes], headers: Headers, body: bytes, now: float) -> tuple[bytes, bytes]:
    """The webhook's id and timestamp, once its signature is found to be good."""
    try:
        signed: dict[bytes, bytes] = {}
        for name, value in headers:
            if name in _SIGNED:
                if name in signed:
                    raise BadSignature(f"{name.decode()} is there more than once")
                signed[name] = value
        webhook_id, timestamp, signatures = (signed.get(name) for name in _SIGNED)
        verify(keys, webhook_id, timestamp, signatures, body, now)
    except BadSignature as bad:
        challenge = {"WWW-Authenticate": "StandardWebhooks"}
        raise Refusal(HTTPStatus.UNAUTHORIZED, str(bad), headers=challenge) from None
    assert webhook_id is not None
    assert timestamp is not None
    return webhook_id, timestamp


def _read(webhook: Webhook, body: bytes) -> Document:
    try:
        return read(body)
    except Invalid as invalid:
        finding = Finding(invalid.pointer, invalid.detail)
        if invalid.error in _NOT_READABLE:
            raise Refusal(HTTPStatus.BAD_REQUEST, invalid.detail, [finding]) from None
        detail = f"not the body of {webhook.name}: {invalid.detail}"
        raise Refusal(HTTPStatus.UNPROCESSABLE_ENTITY, detail, [finding]) from None


def _findings(webhook: Webhook, document: Document) -> list[Finding]:
    event = document.get("event")
    if event not in (None, webhook.name):
        return [Finding("/event", f"this webhook is of {webhook.name}, not of {shown(event)}")]
    findings = []
    try:
        webhook.model.model_validate(document)
    except ValidationError as failure:
        findings = [Finding(invalid.pointer, invalid.detail) for invalid in all_from_validation(failure)]
    named = {finding.pointer for finding in findings}
    for pointer, text in webhook.times(document):
        if isinstance(text, str) and pointer not in named:
            try:
                check_time(text, pointer)
            except Invalid as invalid:
                findings.append(Finding(invalid.pointer, invalid.detail))
    return findings
