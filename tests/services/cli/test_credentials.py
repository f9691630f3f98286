"""`token` and `api-key`: what is shown once, what is listed, and what a missing master key leads to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.services.cli.command import run

pytestmark = pytest.mark.real


@pytest.fixture
def settings(kafka: str, redis_url: str, namespace: str, tmp_path: Path) -> dict[str, str]:
    return {
        "STRATAFOLD_KAFKA": kafka,
        "STRATAFOLD_REDIS": redis_url,
        "STRATAFOLD_NAMESPACE": namespace,
        "STRATAFOLD_DATA": str(tmp_path),
        "STRATAFOLD_MASTER_KEY": "0f" * 32,
    }


def test_a_token_is_shown_once_listed_by_its_id_and_revoked(settings: dict[str, str]) -> None:
    words = ("token", "create", "--organization", "org-1", "--scope", "agents:read", "strategies:read")
    plain = run(settings, *words)
    assert (plain.status, plain.err) == (0, "")
    shown = re.fullmatch(rb"token: (\S+)\n", plain.out)
    assert shown is not None
    second = run(settings, *words[:-1], "--scope", "operations:read", "--json").json
    assert list(second) == ["token"]
    listed = run(settings, "token", "list", "--json")
    assert [(one["organization"], one["scopes"]) for one in listed.json] == [
        ("org-1", ["agents:read", "strategies:read"]),
        ("org-1", ["agents:read", "operations:read"]),
    ]
    assert shown[1] not in listed.out
    assert run(settings, "token", "revoke", listed.json[1]["id"]).status == 0
    assert run(settings, "token", "revoke", shown[1].decode()).status == 0
    assert run(settings, "token", "list", "--json").json == []
    again = run(settings, "token", "revoke", shown[1].decode())
    assert again.status == 1
    assert shown[1].decode() not in again.line


def test_an_api_key_comes_with_its_secret_once(settings: dict[str, str]) -> None:
    plain = run(settings, "api-key", "create", "--account", "acct-1")
    assert plain.status == 0
    shown = re.fullmatch(rb"api_key: (\S+)\nsecret: (\S+)\n", plain.out)
    assert shown is not None
    assert list(run(settings, "api-key", "create", "--account", "acct-2", "--json").json) == [
        "api_key",
        "secret",
    ]
    listed = run(settings, "api-key", "list", "--json")
    assert [one["account"] for one in listed.json] == ["acct-1", "acct-2"]
    for told in shown.groups():
        assert told not in listed.out
    assert run(settings, "api-key", "revoke", shown[1].decode()).status == 0
    assert [one["account"] for one in run(settings, "api-key", "list", "--json").json] == ["acct-2"]
    assert run(settings, "token", "list", "--json").json == []


def test_without_a_master_key_no_api_key_is_made_but_the_one_that_up_left_is_found(
    settings: dict[str, str], tmp_path: Path
) -> None:
    del settings["STRATAFOLD_MASTER_KEY"]
    ended = run(settings, "api-key", "create", "--account", "acct-1")
    assert ended.status == 2
    assert "STRATAFOLD_MASTER_KEY" in ended.line
    assert run(settings, "token", "create", "--organization", "o", "--scope", "agents:read").status == 0
    (tmp_path / "master.key").write_text("0f" * 32 + "\n")
    assert run(settings, "api-key", "create", "--account", "acct-1").status == 0


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("token", "create", "--organization", "o", "--scope", "everything"), "everything"),
        (("token", "create", "--organization", "a b", "--scope", "agents:read"), "organization"),
        (("api-key", "create", "--account", "a:b"), "account"),
        (("api-key", "create", "--account", ""), "account"),
    ],
)
def test_what_can_not_be_made_is_refused_in_one_line(
    settings: dict[str, str], words: tuple[str, ...], named: str
) -> None:
    ended = run(settings, *words)
    assert ended.status == 2
    assert named in ended.line
