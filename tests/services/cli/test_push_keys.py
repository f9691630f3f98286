"""Under which key `stratafold push` sends a record."""

from __future__ import annotations

from typing import Any

import pytest

from libs.ledger.invalid import Invalid
from libs.settings import load
from services.cli.push import _Job
from tests.services.agents.given import said as message
from tests.services.strategies.given import noise, scope


def _key(service: str, document: dict[str, Any], key: str | None = None) -> bytes:
    return _Job(load(), service, key, raw=False)._key_of(document)


def test_an_agents_message_goes_under_the_key_that_was_given() -> None:
    """Never under the id of a journal entry, which is no agent's."""
    entry = message("journal_entry", 1)
    assert _key("agents", entry, "agent-1") == b"agent-1"
    with pytest.raises(Invalid):
        _key("agents", entry)


def test_an_envelope_goes_under_its_account_or_under_default() -> None:
    """Also one that the worker will refuse: it is for the worker to judge."""
    bodies: tuple[dict[str, Any], ...] = (noise(1), scope(1, "*"), {"id": "x"})
    for body in bodies:
        assert _key("strategies", body, "acme") == b"acme"
        assert _key("strategies", body) == b"default"
