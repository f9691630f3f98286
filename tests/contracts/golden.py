"""Messages kept for ever, and what became of them on the day they were first folded.

``messages`` holds every example of the sources byte for byte, one of each event of 002, which prints none, and the
commands that lead to what 001 prints.
``folded`` holds the log records, events, states and Redis hashes that they lead to: whoever reads those years later
must still be able to. Where a change is meant, write ``folded`` anew with ``python -m tests.contracts.golden`` and
look at the difference.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import orjson

from libs.ledger.aggregate import Aggregate
from services.agents import AGGREGATE as AGENTS
from services.executions import AGGREGATE as EXECUTIONS
from services.operations import AGGREGATE as OPERATIONS
from services.strategies import AGGREGATE as STRATEGIES
from services.versions import AGGREGATE as VERSIONS
from tests.libs.ledger.folding import Outcome, fold_input, records_of

HERE: Final = Path(__file__).parent
MESSAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "agents": (
        "snapshot",
        "trade",
        "journal_entry",
        "risk_veto",
        "status_change",
        "twak_block",
        "quote_rejected",
        "promotion",
        "demotion",
    ),
    "executions": ("awaiting_execution", "settled", "rejected"),
    "operations": ("pricing", "settled", "failed"),
    "strategies": ("position_opened", "position_closed", "order_filled", "error"),
    "versions": ("registered", "drafted", "execute", "order_filled", "delete"),
}
AGGREGATES: Final[Mapping[str, Aggregate[Any]]] = {
    "agents": AGENTS,
    "executions": EXECUTIONS,
    "operations": OPERATIONS,
    "strategies": STRATEGIES,
    "versions": VERSIONS,
}
KEYS: Final[Mapping[str, bytes]] = {
    "agents": b"agent-1",
    "strategies": b"acme",
}  # where the body names no owner


def message(service: str, name: str) -> bytes:
    """An example of a source, byte for byte."""
    return (HERE / "messages" / service / f"{name}.json").read_bytes()


def messages(service: str) -> list[bytes]:
    """All examples of a service's source, in the source's order."""
    return [message(service, name) for name in MESSAGES[service]]


def outcomes() -> dict[str, Outcome]:
    """The sources' examples folded: the executions, then the operations with what the executions told them."""
    executions = fold_input(EXECUTIONS, records_of(messages("executions")))
    told = [notice.record.value for notice in executions.notices]
    operations = fold_input(OPERATIONS, records_of([*messages("operations"), *told]))
    rest = {name: fold_input(AGGREGATES[name], records_of(messages(name), key)) for name, key in KEYS.items()}
    versions = fold_input(VERSIONS, records_of(messages("versions")))
    return {"executions": executions, "operations": operations, **rest, "versions": versions}


def pieces(outcome: Outcome) -> dict[str, bytes]:
    """What is kept of an outcome, by file name."""
    files = {}
    for stream, records in (("log", outcome.log), ("event", outcome.events), ("state", outcome.states)):
        for at, record in enumerate(records):
            files[f"{stream}-{at}.json"] = record.value or b""
    redis = {
        "entities": outcome.store.entities,
        "indexes": outcome.store.indexes,
        "counters": outcome.store.counters,
        "notices": [(notice.record.value or b"").decode() for notice in outcome.notices],
    }
    streams = {f"{subject}:{name}": entries for (subject, name), entries in outcome.store.streams.items()}
    tables = {f"{subject}:{name}": rows for (subject, name), rows in outcome.store.tables.items()}
    more = {"streams": streams, "tables": tables, "deleted": outcome.store.deleted}
    files["redis.json"] = orjson.dumps(
        redis | {name: content for name, content in more.items() if content},
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE,
    )
    return files


def kept(service: str) -> dict[str, bytes]:
    """What was kept of a service's outcome."""
    return {path.name: path.read_bytes() for path in (HERE / "folded" / service).iterdir()}


def keep() -> None:
    """Write ``folded`` anew."""
    for service, outcome in outcomes().items():
        folder = HERE / "folded" / service
        folder.mkdir(parents=True, exist_ok=True)
        for path in folder.iterdir():
            path.unlink()
        for name, content in pieces(outcome).items():
            (folder / name).write_bytes(content)


if __name__ == "__main__":
    keep()
