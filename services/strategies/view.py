"""A strategy and its account as Redis and ``strategies.state`` show them, and back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from libs.ledger.aggregate import View
from libs.ledger.reading import read_exactly
from services.strategies.account import Account, Gap
from services.strategies.model import Strategy


def render(state: Strategy) -> View:
    """The projection's own fields; ``_memory`` is what the fold needs beside them."""
    account, _, strategy_id = state.id.partition(":")
    document = {
        "id": state.id,
        "account": account,
        "strategy_id": strategy_id,
        "status": state.status,
        "error": state.error,
        "positions": list(state.positions.values()),
        "orders": list(state.orders.values()),
        "realized_pnl": state.realized_pnl,
        "fees": dict(state.fees),
        "completeness": state.completeness,
        "gaps": state.gaps,
        "upstream_seq": state.upstream_seq,
    }
    fields = _texts(document)
    fields["_memory"] = orjson.dumps([state.ended, state.stands, state.baseline]).decode()
    indexes = {("account", account)}
    if state.status is not None:
        indexes.add(("status", state.status))
    return View(fields, orjson.dumps(document), frozenset(indexes))


def restore(subject: str, fields: Mapping[str, str]) -> Strategy:
    """The state that ``render`` was made from. Raises KeyError, ValueError."""
    ended, stands, baseline = orjson.loads(fields["_memory"])
    nested = {name: orjson.loads(fields[name]) for name in ("error", "fees", "gaps", "upstream_seq")}
    return Strategy(
        id=subject,
        status=None if fields["status"] == "null" else fields["status"],
        error=None if nested["error"] is None else dict(nested["error"]),
        positions=_by_id(fields["positions"], "position_id"),
        orders=_by_id(fields["orders"], "order_id"),
        realized_pnl=fields["realized_pnl"],
        fees=dict(nested["fees"]),
        completeness=fields["completeness"],
        gaps=tuple((first, last) for first, last in nested["gaps"]),
        upstream_seq=nested["upstream_seq"],
        ended=tuple(ended),
        stands=None if stands is None else (stands[0], stands[1]),
        baseline=None if baseline is None else (baseline[0], baseline[1]),
    )


def render_account(state: Account) -> View:
    """An account's completeness; ``_memory`` is what the fold needs beside it."""
    document = {
        "id": state.id,
        "upstream_seq": state.upstream_seq,
        "completeness": state.completeness,
        "gaps": state.missing,
        "resets": state.resets,
        "whole": state.whole,
        "seq": state.frames,
    }
    fields = _texts(document) | {"whole": "1" if state.whole else "0"}
    memory = [
        [(gap.first, gap.last, gap.missing, gap.lost) for gap in state.gaps],
        state.lowest,
        state.since,
        state.newest,
        state.reconciled,
    ]
    fields["_memory"] = orjson.dumps(memory).decode()
    return View(fields, orjson.dumps(document), frozenset())


def restore_account(account: str, fields: Mapping[str, str]) -> Account:
    """The state that ``render_account`` was made from. Raises KeyError, ValueError."""
    gaps, lowest, since, newest, reconciled = orjson.loads(fields["_memory"])
    return Account(
        id=account,
        lowest=lowest,
        upstream_seq=orjson.loads(fields["upstream_seq"]),
        since=since,
        newest=newest,
        gaps=tuple(
            Gap(first, last, tuple((a, b) for a, b in missing), lost) for first, last, missing, lost in gaps
        ),
        reconciled=reconciled,
        resets=int(fields["resets"]),
        whole=fields["whole"] == "1",
        frames=int(fields["seq"]),
    )


def _texts(document: Mapping[str, Any]) -> dict[str, str]:
    return {
        name: value if isinstance(value, str) else orjson.dumps(value).decode()
        for name, value in document.items()
    }


def _by_id(text: str, name: str) -> dict[str, Any]:
    """A list of open positions or orders by their ids, each with the sender's own numbers."""
    items = read_exactly(b'{"items":' + text.encode() + b"}")["items"]
    return {item[name]: item for item in items}
