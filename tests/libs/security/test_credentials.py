"""What is kept of tokens and API keys: never enough to be used by who reads it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from libs.security.credentials import (
    Damaged,
    make_api_key,
    make_token,
    record,
    restore,
    reveal,
    sha256,
)

MASTER = bytes(range(32))
AT = "2026-06-01T00:00:00.000Z"


def test_of_a_token_only_its_sha256_is_kept() -> None:
    token, kept = make_token("org", ["agents:read", "strategies:read", "agents:read"], AT)
    key, value = record(kept)
    assert token.encode() not in key + value
    assert key.decode() == f"token:{sha256(token)}"
    assert restore(value) == kept
    assert (kept.owner, kept.scopes) == ("org", ("agents:read", "strategies:read"))


def test_of_an_api_key_its_sha256_and_its_sealed_secret_are_kept() -> None:
    key, secret, kept = make_api_key("acct", MASTER, AT)
    name, value = record(kept)
    assert name.decode() == f"api_key:{sha256(key)}"
    assert key.encode() not in value
    assert secret.encode() not in value
    assert reveal(restore(value), MASTER) == secret


def test_a_sealed_secret_is_worth_nothing_in_another_record_or_under_another_master_key() -> None:
    _, _, kept = make_api_key("acct", MASTER, AT)
    _, _, other = make_api_key("acct", MASTER, AT)
    for wrong in (
        replace(kept, owner="mallory"),
        replace(other, sealed=kept.sealed),
        replace(kept, sealed="AAAA"),
        replace(kept, sealed="*"),
        replace(kept, sealed=""),
    ):
        with pytest.raises(Damaged):
            reveal(wrong, MASTER)
    with pytest.raises(Damaged):
        reveal(kept, bytes(32))


def test_no_two_are_alike() -> None:
    made = {part for _ in range(50) for part in make_api_key("acct", MASTER, AT)[:2]}
    assert len(made) == 100


@pytest.mark.parametrize(
    ("organization", "scopes"),
    [("", ["agents:read"]), ("a b", ["agents:read"]), ("org", []), ("org", ["all"])],
)
def test_a_token_without_an_organization_or_a_scope_that_is_one_is_not_made(
    organization: str, scopes: list[str]
) -> None:
    with pytest.raises(ValueError, match=r"organization|scope"):
        make_token(organization, scopes, AT)


@pytest.mark.parametrize("account", ["", "a:b", "a b", "a\n", "x" * 201])
def test_an_account_is_a_name_without_colon_and_white_space(account: str) -> None:
    with pytest.raises(ValueError, match="account"):
        make_api_key(account, MASTER, AT)


@pytest.mark.parametrize("value", [b"", b"x", b"[]", b"{}", b'{"kind":"token"}', b"null", b"5"])
def test_a_strange_record_is_told_as_such(value: bytes) -> None:
    with pytest.raises(Damaged):
        restore(value)
