"""A webhook is believed if, and only if, one of the secrets signed exactly these bytes at about this time."""

from __future__ import annotations

from base64 import b64decode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.security.webhooks import MAX_ID, TOLERANCE, BadSignature, make_secret, sign, verify
from libs.settings import Settings

# Made by the reference implementation of the specification, and by openssl for the first.
VECTORS = [
    (
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        '{"test": 2432232314}',
        "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    ),
    (
        "c3RyYXRhZm9sZA==",
        "a.b.c",
        1750000000,
        '{"ü": "€"}',
        "v1,n9gISUY+qVUfYOEQNj34qFnPmUyR+suKkWrGKP2UXhM=",
    ),
]
KEY = b"stratafold"
NOW = 1_750_000_000
BODY = b'{"id": 1}'
GOOD = sign(KEY, "msg_1", NOW, BODY).encode()
STAMP = str(NOW).encode()

ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)


@pytest.mark.parametrize(("secret", "webhook_id", "timestamp", "body", "signature"), VECTORS)
def test_signatures_are_those_of_the_specification(
    secret: str, webhook_id: str, timestamp: int, body: str, signature: str
) -> None:
    assert sign(b64decode(secret), webhook_id, timestamp, body.encode()) == signature
    stamp = str(timestamp).encode()
    verify([b64decode(secret)], webhook_id.encode(), stamp, signature.encode(), body.encode(), timestamp)


@given(st.binary(min_size=1), ids, st.integers(0, 10**11), st.binary(), st.integers(-TOLERANCE, TOLERANCE))
def test_what_is_signed_is_believed_within_the_tolerance(
    key: bytes, webhook_id: str, timestamp: int, body: bytes, off: int
) -> None:
    signature = sign(key, webhook_id, timestamp, body).encode()
    verify([key], webhook_id.encode(), str(timestamp).encode(), signature, body, timestamp + off)


@given(st.binary(max_size=60), st.integers(0, 59), st.integers(1, 255))
def test_another_body_is_not_believed(body: bytes, at: int, flip: int) -> None:
    signature = sign(KEY, "msg_1", NOW, body).encode()
    other = bytearray(body or b"x")
    other[at % len(other)] ^= flip
    with pytest.raises(BadSignature, match="matches none"):
        verify([KEY], b"msg_1", STAMP, signature, bytes(other), NOW)


@given(
    st.one_of(st.none(), st.binary()),
    st.one_of(st.none(), st.binary(), st.just(STAMP), st.integers().map(lambda n: str(n).encode())),
    st.one_of(st.none(), st.binary(), st.binary().map(lambda b: b"v1," + b), st.just(b"v1,")),
    st.binary(),
)
def test_whatever_the_headers_hold_nothing_else_is_raised(
    webhook_id: bytes | None, timestamp: bytes | None, signatures: bytes | None, body: bytes
) -> None:
    with pytest.raises(BadSignature):
        verify([KEY], webhook_id, timestamp, signatures, body, NOW)


def test_any_of_several_secrets_and_any_of_several_signatures_will_do() -> None:
    """Rotation: the sender signs with the old and the new secret, the receiver knows both for a while."""
    old, new = sign(b"old", "m", NOW, BODY), sign(b"new", "m", NOW, BODY)
    for keys in ([b"old"], [b"new"], [b"other", b"new"]):
        verify(keys, b"m", STAMP, f"v1a,xxxx {old}  {new} v2,zzz".encode(), BODY, NOW)
    verify([b"old", b"new"], b"m", STAMP, new.encode(), BODY, NOW)
    with pytest.raises(BadSignature, match="webhook-signature"):
        verify([b"other"], b"m", STAMP, f"{old} {new}".encode(), BODY, NOW)


@pytest.mark.parametrize(
    ("webhook_id", "timestamp", "signatures", "reason"),
    [
        (None, STAMP, GOOD, "webhook-id is missing"),
        (b"", STAMP, GOOD, "webhook-id is missing"),
        (b"m" * (MAX_ID + 1), STAMP, GOOD, "webhook-id is longer"),
        (b"msg_2", STAMP, GOOD, "matches none"),
        (b"msg_1", None, GOOD, "webhook-timestamp is missing"),
        (b"msg_1", b"", GOOD, "webhook-timestamp is missing"),
        (b"msg_1", b"soon", GOOD, "not a number"),
        (b"msg_1", b"1_750_000_000", GOOD, "not a number"),
        (b"msg_1", b" 1750000000", GOOD, "not a number"),
        (b"msg_1", b"+1750000000", GOOD, "not a number"),
        (b"msg_1", b"1750000000.0", GOOD, "not a number"),
        (b"msg_1", "١٧٥٠٠٠٠٠٠٠".encode(), GOOD, "not a number"),
        (b"msg_1", b"9" * 10_000, GOOD, "not a number"),
        (b"msg_1", str(NOW - TOLERANCE - 1).encode(), GOOD, "in the past"),
        (b"msg_1", str(NOW + TOLERANCE + 1).encode(), GOOD, "in the future"),
        (b"msg_1", str(NOW + 1).encode(), GOOD, "matches none"),
        (b"msg_1", b"0" + STAMP, GOOD, "matches none"),
        (b"msg_1", STAMP, None, "webhook-signature is missing"),
        (b"msg_1", STAMP, b"", "webhook-signature is missing"),
        (b"msg_1", STAMP, GOOD.removeprefix(b"v1,"), "no signature of version v1"),
        (b"msg_1", STAMP, GOOD.replace(b"v1,", b"v2,"), "no signature of version v1"),
        (b"msg_1", STAMP, b"v1,", "matches none"),
        (b"msg_1", STAMP, GOOD[:-1], "matches none"),
        (b"msg_1", STAMP, GOOD + b"=", "matches none"),
        (b"msg_1", STAMP, "v1,é".encode(), "matches none"),
        (b"msg_1", STAMP, b"v1,\xff\xfe", "matches none"),
        (b"msg_1", STAMP, b"v1,x " * 2_000, "webhook-signature is longer"),
    ],
)
def test_a_refusal_names_the_header_and_the_reason(
    webhook_id: bytes | None, timestamp: bytes | None, signatures: bytes | None, reason: str
) -> None:
    with pytest.raises(BadSignature, match=reason) as refusal:
        verify([KEY], webhook_id, timestamp, signatures, BODY, NOW)
    assert GOOD.decode() not in str(refusal.value)


def test_a_secret_made_here_is_one_that_the_settings_take() -> None:
    one, other = make_secret(), make_secret()
    assert one != other
    keys = Settings(webhook_secrets=(one, other)).webhook_keys
    assert [len(key) for key in keys] == [32, 32]
