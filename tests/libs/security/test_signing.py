"""Signatures under an API key: one canonical string, one spelling, and odd input that is refused, never raised."""

from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from libs.security.signing import WINDOW_MS, matches, sign, stale, well_formed, written

NOW = 1_761_739_200_000
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.binary(), st.lists(st.integers())
)


def test_the_signed_text_is_timestamp_method_and_path_under_the_printed_secrets_bytes() -> None:
    expected = hmac.new(b"s3cret", b"1761739200000GET/v1/ws", hashlib.sha256).hexdigest()
    assert sign("s3cret", NOW, "GET", "/v1/ws") == expected
    assert sign("s3cret", str(NOW), "get", "/v1/ws?api_key=x&timestamp=1") == expected
    assert matches("s3cret", NOW, expected, "GET", "/v1/ws")
    assert matches("s3cret", str(NOW), expected, "GET", "/v1/ws")


@pytest.mark.parametrize(
    ("secret", "timestamp", "method", "path"),
    [
        ("other", NOW, "GET", "/v1/ws"),
        ("s3cret", NOW + 1, "GET", "/v1/ws"),
        ("s3cret", NOW, "POST", "/v1/ws"),
        ("s3cret", NOW, "GET", "/v1/ws/"),
        ("s3cret", f"0{NOW}", "GET", "/v1/ws"),
    ],
)
def test_a_signature_is_good_for_nothing_else(secret: str, timestamp: object, method: str, path: str) -> None:
    signature = sign("s3cret", NOW, "GET", "/v1/ws")
    assert not matches(secret, timestamp, signature, method, path)


def test_a_signature_has_one_spelling() -> None:
    signature = sign("s3cret", NOW, "GET", "/v1/ws")
    assert well_formed(signature)
    for other in (signature.upper(), f" {signature}", f"{signature}\n", signature[:-1], "", None, 5):
        assert not well_formed(other)
        assert not matches("s3cret", NOW, other, "GET", "/v1/ws")


@pytest.mark.parametrize(("off", "taken"), [(0, True), (WINDOW_MS, True), (WINDOW_MS + 1, False)])
@pytest.mark.parametrize("sign_of", [-1, 1])
def test_the_window_is_thirty_seconds_either_way(off: int, taken: bool, sign_of: int) -> None:
    assert WINDOW_MS == 30_000
    assert (stale(NOW + sign_of * off, NOW) is None) is taken
    assert (stale(str(NOW + sign_of * off), NOW) is None) is taken


@pytest.mark.parametrize(
    "timestamp", [None, "", "x", "-1", -1, 1.5, True, "1e12", "１", "9" * 16, 10**15, [], {}]
)
def test_what_is_no_number_of_milliseconds_is_refused(timestamp: object) -> None:
    assert written(timestamp) is None
    assert stale(timestamp, NOW) is not None


@given(ANYTHING, ANYTHING, st.text(), st.text())
def test_nothing_odd_raises(timestamp: object, signature: object, method: str, path: str) -> None:
    assert not matches("s3cret", timestamp, signature, method, path)
    assert stale(timestamp, NOW) is None or isinstance(stale(timestamp, NOW), str)
    assert well_formed(signature) in (True, False)
