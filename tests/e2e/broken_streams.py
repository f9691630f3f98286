"""Records of agents and strategies that nobody should send, each with the JSON Pointer of what is wrong with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from tests.contracts.golden import message
from tests.e2e.broken import Broken, encoded

Document = dict[str, Any]

_REMOVED = object()
_NUMBERS: tuple[Any, ...] = (True, {}, [], None, "", "1e5", "NaN", "01", " 1", "1_000", "٣", "1" * 19)


def table(service: str) -> list[Broken]:
    """All of a service's, under names of their own."""
    rows = [*_unreadable(service), *(_agents() if service == "agents" else _strategies())]
    assert len({row.name for row in rows}) == len(rows)
    return rows


def _unreadable(service: str) -> Iterator[Broken]:
    whole = {
        "a tombstone": (None, "no_value"),
        "nothing": (b"", "not_json"),
        "no JSON": (b"{", "not_json"),
        "NaN": (b'{"event":NaN}', "not_json"),
        "bytes": (b"\xff\xfe", "not_json"),
        "an array": (b"[]", "wrong_type"),
        "null": (b"null", "wrong_type"),
        "too deep": (b'{"event":' + b"[" * 40 + b"]" * 40 + b"}", "too_deep"),
        "too many keys": (encoded({f"k{n}": 1 for n in range(2_001)}), "too_many_keys"),
        "too large": (b'{"event":"' + b"x" * 262_144 + b'"}', "too_large"),
    }
    for name, (value, error) in whole.items():
        yield Broken(name, service, value, "", error=error)


def _agents() -> Iterator[Broken]:
    yield Broken(
        "a key that is no text", "agents", message("agents", "trade"), "", key=b"\xff", error="malformed_key"
    )
    yield Broken("no key", "agents", message("agents", "trade"), "", key=None, error="missing_key")
    for event, field in (
        ("snapshot", "equity"),
        ("snapshot", "phase"),
        ("snapshot", "drawdown"),
        ("snapshot", "daily_drawdown_used"),
        ("trade", "pair"),
        ("trade", "realised_pnl"),
        ("trade", "journal_ref"),
        ("journal_entry", "id"),
        ("journal_entry", "tags"),
        ("risk_veto", "rule"),
        ("twak_block", "explanation"),
        ("quote_rejected", "category"),
        ("quote_rejected", "code"),
        ("status_change", "from"),
        ("status_change", "to"),
        ("promotion", "tx_hash"),
        ("demotion", "limit"),
        ("demotion", "locked_until"),
        ("demotion", "ts"),
    ):
        yield _changed("agents", event, f"/{field}", _REMOVED, "missing_field")
        yield _changed("agents", event, f"/{field}", {"a": 1}, "wrong_type")
    for value in _NUMBERS:
        yield _changed("agents", "trade", "/fees", value)
    yield _changed("agents", "snapshot", "/ts", "2026-02-30T00:00:00Z", "malformed_time")
    yield _changed("agents", "snapshot", "/event", 5, "wrong_type")


def _strategies() -> Iterator[Broken]:
    body = message("strategies", "error")
    yield Broken("a key that is no text", "strategies", body, "", key=b"\xff", error="malformed_key")
    yield Broken("a colon in the account", "strategies", body, "", key=b"a:b", error="malformed_key")
    for field in ("channel", "event", "strategy_id", "seq", "ts", "data"):
        yield _changed("strategies", "error", f"/{field}", _REMOVED, "missing_field")
        yield _changed("strategies", "error", f"/{field}", None)
    for seq in (-1, 1.5, 2**63, "7", True):
        yield _changed("strategies", "error", "/seq", seq, "wrong_type")
    for event, field in (
        ("position_opened", "position_id"),
        ("position_opened", "leverage"),
        ("position_closed", "realized_pnl"),
        ("position_closed", "reason"),
        ("order_filled", "order_id"),
        ("order_filled", "filled_quantity"),
        ("error", "fatal"),
    ):
        yield _changed("strategies", event, f"/data/{field}", _REMOVED, "missing_field")
        yield _changed("strategies", event, f"/data/{field}", {"a": 1}, "wrong_type")
    for value in _NUMBERS:
        yield _changed("strategies", "order_filled", "/data/fee", value)
    for strategy_id in ("", "*", "a:log"):
        yield _changed("strategies", "error", "/strategy_id", strategy_id, "unexpected_value")
    yield _changed("strategies", "error", "/channel", "strategy.orders", "unexpected_value")
    yield _changed("strategies", "error", "/ts", "2026-02-30T00:00:00.000Z", "malformed_time")


def _changed(service: str, event: str, pointer: str, value: object, error: str | None = None) -> Broken:
    document = json.loads(message(service, event))
    *path, field = pointer.split("/")[1:]
    place: Document = document
    for step in path:
        place = place[step]
    if value is _REMOVED:
        del place[field]
        name = f"{event} without {pointer}"
    else:
        place[field] = value
        name = f"{event} with {pointer} {json.dumps(value)[:20]}"
    return Broken(name, service, encoded(document), pointer, error=error)
