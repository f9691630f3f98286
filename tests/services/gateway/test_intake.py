"""What the gateway accepts is kept byte for byte, and it refuses nothing that the worker would fold."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import services.executions.events
import services.operations.events
from libs.contracts.operations import OUTCOME_EVENT
from libs.ledger.invalid import Invalid
from libs.ledger.reading import Document, read
from libs.security.webhooks import sign
from libs.web.problems import Refusal
from services.gateway.examples import EXAMPLES
from services.gateway.intake import WEBHOOKS, Accepted, Webhook, accept
from tests.services.gateway.harness import KEY, NOW, raw, signed

VALIDATE: dict[str, Callable[[Document], None]] = {
    "operations": services.operations.events.validate,
    "executions": services.executions.events.validate,
}
DEEPER = {"weights_sum", "missing_field"}  # of an allocation's sum, of an executed instruction's fill

odd = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(
        ["", "0", "1", "-0.5", "1e3", "00", "2026-02-30T00:00:00Z", "2026-05-29t18:56:43.1z", "1"]
    ),
    st.sampled_from(["executed", "pending", "settled", OUTCOME_EVENT, "0001-01-01T00:00:00+23:59"]),
    st.lists(st.integers(), max_size=2),
    st.dictionaries(st.text(max_size=3), st.integers(), max_size=2),
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[Webhook, Any]:
    """An example of the sources with up to three places changed, left out or added."""
    webhook = draw(st.sampled_from(WEBHOOKS))
    example = draw(st.sampled_from(sorted(EXAMPLES[webhook.service])))
    document = json.loads(json.dumps(EXAMPLES[webhook.service][example]))
    for _ in range(draw(st.integers(0, 3))):
        place: Any = document
        while True:
            inner = [key for key, value in _items(place) if isinstance(value, dict | list) and value]
            if not inner or draw(st.booleans()):
                break
            place = place[draw(st.sampled_from(inner))]
        keys = [key for key, _ in _items(place)]
        if isinstance(place, dict):
            keys.append(draw(st.sampled_from(["event", "more", "price", "executed_at"])))
        if not keys:
            continue
        key = draw(st.sampled_from(keys))
        if draw(st.booleans()):
            place[key] = draw(odd)
        elif isinstance(place, list):
            del place[key]
        else:
            place.pop(key, None)
    return webhook, document


def _items(place: Any) -> list[tuple[Any, Any]]:
    return list(place.items() if isinstance(place, dict) else enumerate(place))


def taken(webhook: Webhook, body: bytes) -> Accepted:
    return accept(webhook, [KEY], raw(signed(body)), body, NOW)


@given(documents(), st.sampled_from([None, 1, 4]))
def test_the_gateway_refuses_exactly_what_breaks_a_documented_field(
    case: tuple[Webhook, Any], indent: int | None
) -> None:
    webhook, document = case
    body = json.dumps(document, indent=indent).encode()
    judged, invalid = judge(webhook, body), worker_judges(webhook, body)
    if isinstance(judged, Refusal):
        assert judged.status == 422
        assert judged.findings
        assert invalid is not None or judged.findings[0].pointer == "/event"
    else:
        assert judged.value is body
        assert (judged.service, judged.key) == (webhook.service, document["id"].lower())
        assert invalid is None or invalid.error in DEEPER


def judge(webhook: Webhook, body: bytes) -> Accepted | Refusal:
    try:
        return taken(webhook, body)
    except Refusal as refusal:
        return refusal


def worker_judges(webhook: Webhook, body: bytes) -> Invalid | None:
    try:
        VALIDATE[webhook.service](read(body))
    except Invalid as invalid:
        return invalid
    return None


@given(st.sampled_from(WEBHOOKS), st.one_of(st.binary(), st.text().map(str.encode)))
def test_whatever_bytes_come_nothing_but_a_refusal_is_raised(webhook: Webhook, body: bytes) -> None:
    with pytest.raises(Refusal) as refused:
        taken(webhook, body)
    assert refused.value.status in (400, 422)


@given(
    st.lists(
        st.tuples(st.sampled_from([b"webhook-id", b"webhook-timestamp", b"webhook-signature"]), st.binary())
    )
)
def test_whatever_the_headers_hold_they_are_refused_with_401(headers: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(Refusal) as refused:
        accept(WEBHOOKS[0], [KEY], headers, b"{}", NOW)
    assert refused.value.status == 401


@pytest.mark.parametrize("webhook", WEBHOOKS, ids=lambda webhook: webhook.service)
def test_the_delivery_is_told_by_the_record_the_signature_is_not(webhook: Webhook) -> None:
    body = json.dumps(EXAMPLES[webhook.service]["settled"]).encode()
    accepted = taken(webhook, body)
    assert accepted.headers == (("webhook-id", b"msg_1"), ("webhook-timestamp", str(NOW).encode()))


@pytest.mark.parametrize("flags", ["01", "00"])
def test_a_sampled_traceparent_goes_on_with_the_record(flags: str) -> None:
    body = json.dumps(EXAMPLES["operations"]["settled"]).encode()
    own = f"00-{'ab' * 16}-{'cd' * 8}-{flags}".encode()
    accepted = accept(WEBHOOKS[0], [KEY], [*raw(signed(body)), (b"traceparent", own)], body, NOW)
    assert dict(accepted.headers).get("traceparent") == (own if flags == "01" else None)


def test_an_id_in_capitals_has_the_routing_key_in_small_letters() -> None:
    """The body stays as it is; the key decides the partition, which must not depend on the spelling."""
    document = EXAMPLES["operations"]["settled"]
    body = json.dumps({**document, "id": document["id"].upper()}).encode()
    accepted = taken(WEBHOOKS[0], body)
    assert (accepted.key, accepted.value) == (document["id"], body)


@pytest.mark.parametrize(
    ("service", "changes"),
    [
        ("operations", {"status": "frozen"}),
        ("operations", {"type": "rebalance", "status_reason": None, "more": {"n": 1.50}}),
        ("operations", {"allocations": [{"underlying_currency": "BTC", "weight": "0.3"}]}),
        ("executions", {"status_reason": "a reason of tomorrow", "trader_id": ""}),
        (
            "executions",
            {"instructions": [{**EXAMPLES["executions"]["settled"]["instructions"][0], "price": None}]},
        ),
    ],
)
def test_what_the_worker_has_to_judge_passes(service: str, changes: dict[str, Any]) -> None:
    """Unknown statuses, reasons and fields; sums and fills: folded, ignored or quarantined, but never lost here."""
    webhook = next(webhook for webhook in WEBHOOKS if webhook.service == service)
    body = json.dumps({**EXAMPLES[service]["settled"], **changes}).encode()
    assert taken(webhook, body).value == body


def test_either_secret_is_believed_while_they_are_exchanged() -> None:
    body = json.dumps(EXAMPLES["executions"]["rejected"]).encode()
    for key in (b"old", b"new"):
        headers = raw(signed(body, key=key))
        assert accept(WEBHOOKS[1], [b"old", b"new"], headers, body, NOW).value == body
    both = f"{sign(b'gone', 'm', NOW, body)} {sign(b'new', 'm', NOW, body)}"
    headers = raw({"webhook-id": "m", "webhook-timestamp": str(NOW), "webhook-signature": both})
    assert accept(WEBHOOKS[1], [b"new"], headers, body, NOW).value == body
