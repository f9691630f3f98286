"""The executions job by Quix Streams with state: parse, check, deduplicate and number by key, write events.

It writes no log and no Redis. Runs by path, in a virtual environment of its own that has nothing of this repository.
"""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
from quixstreams import Application, State  # type: ignore[import-not-found,unused-ignore]

sys.path.insert(0, str(Path(__file__).parent))
from marks import Mark  # type: ignore[import-not-found,unused-ignore]

_RANKS = {"awaiting_execution": 0, "settled": 1, "skipped": 1, "rejected": 1}
_OWNER = ("strategy_id", "operation_id", "trader_id", "participant_code", "account_label")
_STRINGS = ("id", *_OWNER, "status", "created_at", "updated_at")
_ORDER = ("underlying_currency", "quoted_currency", "side", "amount", "amount_type", "status")
_FILL = ("price", "quantity", "total_notional", "trade_ids", "executed_at")

_mark = Mark()


def fold(
    body: dict[str, Any], _key: Any, timestamp: int, _headers: Any, state: State
) -> list[dict[str, Any]]:
    """The events that follow from a webhook; none for one that is invalid, seen before or overtaken."""
    _mark.first_read()
    if not _valid(body):
        return []
    digest = hashlib.sha1(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
    kept = state.get("execution") or {"status": None, "sequence": 0, "events": 0, "facts": []}
    if digest in kept["facts"]:
        return []
    was, rank = kept["status"], _RANKS.get(body["status"])
    kept["sequence"] += 1
    kept["facts"].append(digest)
    derived = []
    if rank is not None and (was is None or rank > _RANKS[was]):
        derived = _derive(was, body)
        kept["status"] = body["status"]
    events = [
        _envelope(body, timestamp, name, kept["events"] + i, data)
        for i, (name, data) in enumerate(derived, 1)
    ]
    kept["events"] += len(events)
    state.set("execution", kept)
    return events


def _valid(body: dict[str, Any]) -> bool:
    if not all(isinstance(body.get(name), str) for name in _STRINGS):
        return False
    for one in body["instructions"]:
        if not all(isinstance(one.get(name), str) for name in _ORDER):
            return False
        if one["status"] == "executed" and any(one.get(name) is None for name in _FILL):
            return False
    return True


def _derive(was: str | None, body: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    owner = {name: body[name] for name in _OWNER}
    events: list[tuple[str, dict[str, Any]]] = []
    if was is None:
        events.append(
            ("execution.created", owner | {"status": body["status"], "created_at": body["created_at"]})
        )
    for index, instruction in enumerate(body["instructions"]):
        if instruction["status"] == "executed":
            events.append(("instruction.executed", {"index": index, **instruction}))
    if _RANKS[body["status"]] == 1:
        end = {name: body[name] for name in ("status", "status_reason", "updated_at")}
        events.append((f"execution.{body['status']}", owner | end))
    return events


def _envelope(
    body: dict[str, Any], timestamp: int, name: str, number: int, data: dict[str, Any]
) -> dict[str, Any]:
    return {
        "specversion": "1.0",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{body['id']}/{number}")),
        "type": f"stratafold.{name}.v1",
        "source": "/stratafold/executions",
        "subject": body["id"],
        "time": body["updated_at"],
        "recordedtime": datetime.fromtimestamp(timestamp / 1000, UTC).isoformat(timespec="milliseconds"),
        "sequence": number,
        "partitionkey": body["id"],
        "correlationid": body["operation_id"],
        "datacontenttype": "application/json",
        "data": data,
    }


def main() -> None:
    """Run until SIGTERM."""
    namespace = os.environ["STRATAFOLD_NAMESPACE"]
    with tempfile.TemporaryDirectory(prefix="stratafold-bench-quix-") as folder:
        app = Application(
            broker_address=os.environ["STRATAFOLD_KAFKA"],
            consumer_group=f"{namespace}.executions",
            auto_offset_reset="earliest",
            state_dir=folder,
            loglevel="WARNING",
        )
        frame = app.dataframe(app.topic(f"{namespace}.executions.in"))
        frame = frame.apply(fold, stateful=True, expand=True, metadata=True)
        frame.to_topic(app.topic(f"{namespace}.executions.events"))
        app.run()


if __name__ == "__main__":
    main()
