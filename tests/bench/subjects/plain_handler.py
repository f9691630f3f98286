"""The executions job as a plain FastStream handler: one message at a time, awaiting Redis and Kafka for each.

What one would write without the machine: the same validation, log, events, state, notice to the operation and
projection in Redis, deduplicated. As few awaits as the order of effects leaves: Redis is read once and written in one
transaction, the log is appended first, and what follows from it goes out together.
"""

from __future__ import annotations

import asyncio
import hashlib
import uuid
from datetime import UTC, datetime
from typing import Any

import orjson
import uvloop
from faststream import AckPolicy, FastStream
from faststream.kafka import KafkaBroker
from faststream.kafka.annotations import KafkaMessage
from redis.asyncio import Redis

from libs.contracts.executions import ExecutionStatusChanged
from libs.contracts.names import Names
from libs.settings import load
from tests.bench.subjects.marks import Mark, errors_only

_RANKS = {"awaiting_execution": 0, "settled": 1, "skipped": 1, "rejected": 1}
_OWNER = ("strategy_id", "operation_id", "trader_id", "participant_code", "account_label")
_HISTORY = 10_000


class ExecutionHandler:
    """Folds one execution webhook after the other."""

    def __init__(self, broker: KafkaBroker, redis: Redis, names: Names) -> None:
        self._broker = broker
        self._redis = redis
        self._names = names

    async def handle(self, body: dict[str, Any], message: KafkaMessage) -> None:
        """Validate, decide, append, publish, write Redis."""
        record = message.raw_message
        assert not isinstance(record, tuple)
        ExecutionStatusChanged.model_validate(body)
        digest = hashlib.sha1(orjson.dumps(body, option=orjson.OPT_SORT_KEYS)).hexdigest()
        hash_key = self._names.entity("executions", record.partition, body["id"])
        kept = await self._redis.hmget(hash_key, ["status", "sequence", "_events", "_facts"])
        was, sequence, events_before, facts = (str(value) if value else None for value in kept)
        known = (facts or "").split()
        verdict = _verdict(was, body["status"], digest in known)
        number = int(sequence or 0) + (verdict != "duplicate")

        log = self._envelope(record, 0, "execution.observed", body, number) | {
            "verdict": verdict,
            "data": body,
        }
        line = orjson.dumps(log)
        await self._publish("executions.log", body["id"], line)
        if verdict == "duplicate":
            return
        derived = _derive(was, body) if verdict == "applied" else []
        first = int(events_before or 0) + 1
        events = [
            self._envelope(record, index, name, body, first + index - 1) | {"data": data}
            for index, (name, data) in enumerate(derived, 1)
        ]
        state = body | {"sequence": number, "disputed": False, "last_recorded_at": log["recordedtime"]}
        sends = [self._publish("executions.events", body["id"], orjson.dumps(event)) for event in events]
        sends.append(self._publish("executions.state", body["id"], orjson.dumps(state)))
        if verdict == "applied":
            outcome = {name: body[name] for name in ("status", "status_reason", "strategy_id", "updated_at")}
            notice = {
                "event": "execution.outcome",
                "id": body["operation_id"],
                "execution_id": body["id"],
                **outcome,
            }
            sends.append(self._publish("operations.in", body["operation_id"], orjson.dumps(notice)))
        await asyncio.gather(*sends)
        fields = {
            name: value if isinstance(value, str) else orjson.dumps(value) for name, value in state.items()
        }
        fields |= {"_events": str(first + len(events) - 1), "_facts": " ".join([*known, digest])}
        await self._project(record, body, was, hash_key, fields, line)

    async def _project(
        self,
        record: Any,
        body: dict[str, Any],
        was: str | None,
        hash_key: str,
        fields: dict[str, Any],
        line: bytes,
    ) -> None:
        names, partition = self._names, record.partition
        pipe: Any
        async with self._redis.pipeline(transaction=True) as pipe:
            pipe.hset(hash_key, mapping=fields)
            pipe.rpush(hash_key + ":log", line)
            pipe.ltrim(hash_key + ":log", -_HISTORY, -1)
            if was is not None:
                pipe.zrem(names.index("executions", partition, "status", was), body["id"])
            for field in ("status", "strategy"):
                value = body["status" if field == "status" else "strategy_id"]
                pipe.zadd(names.index("executions", partition, field, value), {body["id"]: record.timestamp})
            pipe.hincrby(names.counters("executions", partition), "in_total", 1)
            pipe.hset(names.position("executions", partition), "input_offset", str(record.offset))
            await pipe.execute()

    async def _publish(self, topic: str, key: str, value: bytes) -> None:
        await self._broker.publish(value, self._names.topic(topic), key=key.encode())

    def _envelope(
        self, record: Any, index: int, name: str, body: dict[str, Any], number: int
    ) -> dict[str, Any]:
        place = f"{record.topic}/{record.partition}/{record.offset}"
        return {
            "specversion": "1.0",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{place}/{index}")),
            "type": f"stratafold.{name}.v1",
            "source": "/stratafold/executions",
            "subject": body["id"],
            "time": body["updated_at"],
            "recordedtime": datetime.fromtimestamp(record.timestamp / 1000, UTC).isoformat(
                timespec="milliseconds"
            ),
            "sequence": number,
            "partitionkey": body["id"],
            "correlationid": body["operation_id"],
            "causationid": str(uuid.uuid5(uuid.NAMESPACE_URL, f"{place}/0")) if index else None,
            "datacontenttype": "application/json",
        }


def _verdict(was: str | None, status: str, seen: bool) -> str:
    if seen:
        return "duplicate"
    if status not in _RANKS:
        return "ignored"
    if was is None or _RANKS[status] > _RANKS[was]:
        return "applied"
    return "conflict" if _RANKS[status] == 1 else "late"


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


def make_app() -> FastStream:
    """The handler on its topic."""
    settings = load()
    names, mark = Names(settings.namespace), Mark()
    broker = KafkaBroker(settings.kafka_servers, logger=errors_only(), acks="all", enable_idempotence=True)
    redis = Redis.from_url(settings.redis_url, decode_responses=True)
    handler = ExecutionHandler(broker, redis, names)

    @broker.subscriber(
        names.topic("executions.in"),
        group_id=names.group("executions"),
        auto_offset_reset="earliest",
        ack_policy=AckPolicy.NACK_ON_ERROR,
    )
    async def on_status_changed(body: dict[str, Any], message: KafkaMessage) -> None:
        mark.first_read()
        await handler.handle(body, message)

    return FastStream(broker, logger=errors_only(), after_shutdown=[redis.aclose])


if __name__ == "__main__":
    uvloop.run(make_app().run())
