"""Signatures of 004, checked by hand and by the made-up upstream, and what never shows."""

from __future__ import annotations

import hashlib
import hmac
import json
from urllib.parse import parse_qs, urlsplit

from services.connectors.signing import Credentials, Stamps, auth_frame, headers, sign, signed_url
from services.simulator.signatures import Signatures

KEY = Credentials("key-1", "s3cret-ä")
NOW = 1_761_739_200_000


def test_the_signature_is_the_hex_hmac_of_timestamp_method_and_path() -> None:
    wanted = hmac.new("s3cret-ä".encode(), b"1761739200000GET/v1/ws", hashlib.sha256).hexdigest()
    assert sign(KEY.secret, NOW, "GET", "/v1/ws") == wanted == wanted.lower()


def test_all_three_ways_are_believed_once() -> None:
    upstream = Signatures(KEY.api_key, KEY.secret)
    query = parse_qs(urlsplit(signed_url("ws://h:1/v1/ws?a=b", KEY, NOW)).query)
    assert query["a"] == ["b"]
    by_url = [query[name][0] for name in ("api_key", "timestamp", "signature")]
    frame = json.loads(auth_frame(KEY, NOW + 1, "/v1/ws"))
    assert frame["op"] == "auth"
    assert frame["timestamp"] == NOW + 1
    by_frame = [str(frame[name]) for name in ("api_key", "timestamp", "signature")]
    by_headers = list(headers(KEY, NOW + 2, "/v1/ws").values())
    for given in (by_url, by_frame, by_headers):
        key, stamp, signature = given
        assert upstream.good(key, stamp, signature, "/v1/ws", NOW)
        assert not upstream.good(key, stamp, signature, "/v1/ws", NOW), "used twice"
        fresh = Signatures(KEY.api_key, KEY.secret)
        assert not fresh.good(key, stamp, signature, "/v1/other", NOW), "another path"
        assert not fresh.good(key, stamp, signature, "/v1/ws", NOW + 40_000), "stale"


def test_two_requests_of_one_millisecond_have_different_stamps() -> None:
    stamps = Stamps()
    assert [stamps.next(now) for now in (5, 5, 5, 4, 9)] == [5, 6, 7, 8, 9]


def test_the_secret_is_in_no_text_of_the_credentials() -> None:
    assert KEY.secret not in repr(KEY)
    assert KEY.secret not in str(KEY)
