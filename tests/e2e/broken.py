"""Records that nobody should send, each with the JSON Pointer of what is wrong with it."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import NAMESPACE_OID, uuid4, uuid5

from tests.e2e.examples import EXECUTION_SETTLED, OPERATION_PRICING
from tests.real.topics import partition_for

Document = dict[str, Any]
Headers = tuple[tuple[str, bytes | None], ...]

MISSING = object()
WHOLE = ""


@dataclass(frozen=True)
class Broken:
    """A record and what is to be said of it; ``error`` None: any, ``subject`` None: nobody can tell whose it is."""

    name: str
    service: str
    value: bytes | None
    pointer: str
    subject: str | None = None
    error: str | None = None
    key: bytes | None = None
    headers: Headers = ()


def identity(name: str) -> str:
    """An entity's id, the same on every run."""
    return str(uuid5(NAMESPACE_OID, name))


def entity_on(partition: int, partitions: int = 6) -> str:
    """A new entity's id, whose home is the partition."""
    while partition_for((entity := str(uuid4())).encode(), partitions) != partition:
        pass
    return entity


def good(service: str, entity: str, number: int = 0) -> Document:
    """A valid body of an entity that nobody else speaks of."""
    document: Document = json.loads(OPERATION_PRICING if service == "operations" else EXECUTION_SETTLED)
    return {**document, "id": entity, "status_reason": f"good {number}"}


def outcome(entity: str) -> Document:
    """A valid `execution.outcome`."""
    return {
        "event": "execution.outcome",
        "id": entity,
        "execution_id": identity("an execution"),
        "status": "settled",
        "status_reason": "",
        "strategy_id": identity("a strategy"),
        "updated_at": "2026-05-29T18:56:46Z",
    }


def table() -> list[Broken]:
    """All of them; names are unique."""
    rows = [
        *_encodings(),
        *_shapes(),
        *_caps(),
        *_addresses(),
        *_fields(),
        *_values(),
        *_weights(),
        *_fills(),
    ]
    assert len({row.name for row in rows}) == len(rows)
    return rows


def encoded(document: object) -> bytes:
    """Compact JSON."""
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False).encode()


def _whole(name: str, service: str = "operations", error: str | None = None) -> Any:
    """A row that is at fault as a whole, its value still to come."""

    def row(value: bytes | None, **more: Any) -> Broken:
        return Broken(name, service, value, WHOLE, error=error, **more)

    return row


def _encodings() -> Iterator[Broken]:
    body = encoded(good("operations", identity("encodings")))
    open_end = body[:-1]
    values = {
        "invalid UTF-8 in a documented field": body.replace(b"enrollment", b"enroll\xffment"),
        "Latin-1 in an extra field": open_end + b',"note":"caf\xe9"}',
        "an overlong UTF-8 form": open_end + b',"note":"\xc0\xaf"}',
        "a surrogate in UTF-8": open_end + b',"note":"\xed\xa0\x80"}',
        "UTF-16 with a byte order mark": body.decode().encode("utf-16"),
        "UTF-16 big endian": body.decode().encode("utf-16-be"),
        "UTF-32": body.decode().encode("utf-32"),
        "UTF-8 with a byte order mark": b"\xef\xbb\xbf" + body,
        "a lone surrogate in a documented field": body.replace(b"enrollment", b"\\ud800"),
        "a lone surrogate in an extra field": open_end + b',"note":"\\udfff"}',
        "a lone surrogate in a name": open_end + b',"\\ud800":1}',
        "NaN in an extra field": open_end + b',"fee":NaN}',
        "Infinity in an extra field": open_end + b',"fee":Infinity}',
        "-Infinity deep in an extra field": open_end + b',"note":{"fees":[1,-Infinity]}}',
        "NaN for a weight": body.replace(b'"0.5"', b"NaN", 1),
        "a control character": open_end + b',"note":"a\x01b"}',
        "a NUL byte after it": body + b"\x00",
        "a NUL byte in a string": open_end + b',"note":"a\x00b"}',
        "cut short": body[: len(body) // 2],
        "two bodies": body + body,
        "a trailing comma": open_end + b",}",
        "single quotes": body.replace(b'"', b"'"),
        "a comment": b"/* of 000 */" + body,
        "a number with a leading zero": open_end + b',"fee":01}',
        "a number without digits after the point": open_end + b',"fee":1.}',
        "a form": b"id=663a258c&status=settled",
        "a gzip header": b"\x1f\x8b\x08\x00" + body,
    }
    for name, value in values.items():
        yield _whole(name, error="not_json")(value)


def _shapes() -> Iterator[Broken]:
    for service in ("operations", "executions"):
        yield _whole(f"a tombstone in {service}", service)(None)
        yield _whole(f"an empty value in {service}", service)(b"")
    body = encoded(good("executions", identity("shapes")))
    for name, value in {
        "white space": b" \r\n\t",
        "an array": b"[" + body + b"]",
        "a string": encoded(body.decode()),
        "a number": b"5",
        "true": b"true",
        "null": b"null",
        "an empty array": b"[]",
    }.items():
        yield _whole(f"{name} for a body", "executions")(value)
    yield Broken("an empty object", "executions", b"{}", "/id", error="missing_field")
    yield Broken(
        "a body wrapped in data", "executions", b'{"data":' + body + b"}", "/id", error="missing_field"
    )


def _caps() -> Iterator[Broken]:
    def padded(size: int) -> bytes:
        body = encoded(good("executions", identity(f"size {size}")))[:-1] + b',"note":"'
        return body + b"x" * (size - len(body) - 2) + b'"}'

    open_end = encoded(good("executions", identity("depth")))[:-1] + b',"note":'
    yield _whole("256 KiB and a byte", "executions", "too_large")(padded(256 * 1024 + 1))
    yield _whole("2 MiB", "executions", "too_large")(padded(2 * 1024 * 1024 - 2048))
    yield _whole("large and not JSON at all", "executions", "too_large")(b"\xff" * 300_000)
    # the object is a level of its own
    yield _whole("33 arrays deep", "executions", "too_deep")(open_end + b"[" * 32 + b"]" * 32 + b"}")
    yield _whole("33 objects deep", "executions", "too_deep")(open_end + b'{"a":' * 32 + b"1" + b"}" * 33)
    yield _whole("100,000 arrays deep", "executions", "too_deep")(
        open_end + b"[" * 100_000 + b"]" * 100_000 + b"}"
    )
    yield _whole("100,000 arrays never closed", "executions", "too_deep")(b"[" * 100_000)
    many = {f"k{index}": index for index in range(2_001)}
    yield _whole("more than 2,000 keys", "executions", "too_many_keys")(open_end + encoded(many) + b"}")


def _addresses() -> Iterator[Broken]:
    """Keys and headers as odd as Kafka takes them: they must come out of `.dead` as they went in."""
    bad = b'{"id":'
    keys = {"an empty key": b"", "a key that is not UTF-8": b"\xff\xfe\x00", "a key of 1 KiB": b"k" * 1024}
    for name, key in keys.items():
        yield _whole(name, error="not_json")(bad, key=key)
    headers: dict[str, Headers] = {
        "a header without a value": (("trace", None),),
        "a header that is not UTF-8": (("trace", b"\xff\xfe\x80"),),
        "an empty header": (("", b""),),
        "the same header twice": (("trace", b"1"), ("trace", b"2")),
        "a header of 100 KB": (("trace", b"h" * 100_000),),
        "500 headers": tuple((f"h{index}", b"v") for index in range(500)),
        "headers with the names of ours": (("error", b"mine"), ("source", b"else/0/7"), ("at", None)),
        "a header that lies about a forward": (("forwarded-from", b"nowhere/9/9"),),
    }
    for name, own in headers.items():
        yield _whole(name, error="not_json")(bad, headers=own, key=b"some key")


def _row(name: str, service: str, change: Any, pointer: str, error: str | None = None) -> Broken:
    """A valid body with one thing changed; whose it is can be told unless the id is what is wrong."""
    entity = identity(name)
    document = copy.deepcopy(good(service, entity))
    change(document)
    return Broken(name, service, encoded(document), pointer, None if pointer == "/id" else entity, error)


def _set(path: tuple[str | int, ...], value: object) -> Any:
    def change(document: Any) -> None:
        for step in path[:-1]:
            document = document[step]
        if value is MISSING:
            del document[path[-1]]
        else:
            document[path[-1]] = value

    return change


_OPERATION = (
    "id",
    "strategy_id",
    "request_id",
    "type",
    "status",
    "status_reason",
    "created_at",
    "updated_at",
)
_EXECUTION = (
    *("id", "strategy_id", "operation_id", "trader_id", "participant_code", "account_label"),
    *("status", "status_reason", "created_at", "updated_at"),
)
_ALLOCATION = ("underlying_currency", "weight")
_INSTRUCTION = (
    *("underlying_currency", "quoted_currency", "side", "amount", "amount_type", "status", "status_reason"),
    *("price", "quantity", "total_notional", "executed_at"),
)
_OUTCOME = ("id", "execution_id", "status", "status_reason", "strategy_id", "updated_at")


def _fields() -> Iterator[Broken]:
    """Each documented field missing, and of another type."""
    places: list[tuple[str, tuple[str | int, ...]]] = [
        *(("operations", (name,)) for name in (*_OPERATION, "allocations")),
        *(("operations", ("allocations", 1, name)) for name in _ALLOCATION),
        *(("executions", (name,)) for name in (*_EXECUTION, "instructions")),
        *(("executions", ("instructions", 1, name)) for name in (*_INSTRUCTION, "trade_ids")),
    ]
    for service, path in places:
        pointer = "".join(f"/{step}" for step in path)
        yield _row(f"{service} without {pointer}", service, _set(path, MISSING), pointer, "missing_field")
        yield _row(f"{service} with a number for {pointer}", service, _set(path, 5), pointer, "wrong_type")
        yield _row(f"{service} with an object for {pointer}", service, _set(path, {}), pointer, "wrong_type")
        if path[-1] != "status_reason":
            yield _row(f"{service} with null for {pointer}", service, _set(path, None), pointer)
    for name in _OUTCOME:
        for how, value in (("without", MISSING), ("with true for", True)):
            entity = identity(f"outcome {how} {name}")
            document = outcome(entity)
            _set((name,), value)(document)
            whose = None if name == "id" else entity
            yield Broken(f"an outcome {how} /{name}", "operations", encoded(document), f"/{name}", whose)
    for what, entries in {"null": [None], "text": ["BTC"], "arrays": [[]], "numbers": [0.5]}.items():
        yield _row(f"allocations of {what}", "operations", _set(("allocations",), entries), "/allocations/0")
        yield _row(
            f"instructions of {what}", "executions", _set(("instructions",), entries), "/instructions/0"
        )
    trades = ("instructions", 0, "trade_ids")
    yield _row("a trade id that is a number", "executions", _set(trades, [7]), "/instructions/0/trade_ids/0")
    yield _row("trade ids as text", "executions", _set(trades, "19f7ae72"), "/instructions/0/trade_ids")


_AMOUNTS = {
    "in scientific form": "1e5",
    "that would not fit in memory": "1e999999",
    "with an underscore": "1_000",
    "with a comma": "1,5",
    "in Arabic digits": "٥",
    "with a space": " 5",
    "with a line feed": "5\n",
    "with a plus": "+5",
    "with a leading zero": "05",
    "that is negative twice": "--5",
    "without digits before the point": ".5",
    "without digits after the point": "5.",
    "that is empty": "",
    "that is not a number": "NaN",
    "that is infinite": "Infinity",
    "in hexadecimal": "0x10",
    "of 19 digits": "1" * 19,
    "of 19 decimals": "0." + "1" * 19,
}
_UUIDS = {
    "in braces": "{663a258c-5e7c-456f-9759-73e02db8b5d9}",
    "as a URN": "urn:uuid:663a258c-5e7c-456f-9759-73e02db8b5d9",
    "without dashes": "663a258c5e7c456f975973e02db8b5d9",
    "too short": "663a258c-5e7c-456f-9759-73e02db8b5d",
    "with a letter g": "g63a258c-5e7c-456f-9759-73e02db8b5d9",
    "with a line feed": "663a258c-5e7c-456f-9759-73e02db8b5d9\n",
    "that is empty": "",
}
_TIMES = {
    "without a zone": "2026-05-29T18:56:43",
    "without a time": "2026-05-29",
    "in seconds since 1970": "1780080000",
    "with a space": "2026-05-29 18:56:43Z",
    "on 30 February": "2026-02-30T18:56:43Z",
    "in month 13": "2026-13-01T18:56:43Z",
    "at 24:00": "2026-05-29T24:00:00Z",
    "in second 60": "2026-06-30T23:59:60Z",
    "before year 1 in UTC": "0001-01-01T00:00:00+23:00",
    "after year 9999 in UTC": "9999-12-31T23:59:59-01:00",
    "in full-width digits": "２026-05-29T18:56:43Z",
    "with a line feed": "2026-05-29T18:56:43Z\n",
    "that is empty": "",
}


def _values() -> Iterator[Broken]:
    amount, weight = ("instructions", 0, "amount"), ("allocations", 0, "weight")
    for how, value in _AMOUNTS.items():
        yield _row(
            f"an amount {how}",
            "executions",
            _set(amount, value),
            "/instructions/0/amount",
            "malformed_amount",
        )
        yield _row(
            f"a weight {how}", "operations", _set(weight, value), "/allocations/0/weight", "malformed_amount"
        )
    for how, value in _UUIDS.items():
        for service, field in (
            ("operations", "id"),
            ("operations", "request_id"),
            ("executions", "operation_id"),
        ):
            name = f"{service}: {field} {how}"
            yield _row(name, service, _set((field,), value), f"/{field}", "malformed_uuid")
    yield _row(
        "a trader that is no UUID", "executions", _set(("trader_id",), "none"), "/trader_id", "malformed_uuid"
    )
    for how, value in _TIMES.items():
        for service, field in (("operations", "created_at"), ("executions", "updated_at")):
            yield _row(
                f"{service}: {field} {how}", service, _set((field,), value), f"/{field}", "malformed_time"
            )
    executed_at = ("instructions", 1, "executed_at")
    yield _row(
        "filled on 31 April",
        "executions",
        _set(executed_at, "2026-04-31T18:56:43Z"),
        "/instructions/1/executed_at",
        "malformed_time",
    )


def _weights() -> Iterator[Broken]:
    for name, weights in {
        "half of it": ["0.5"],
        "none of it": [],
        "more than all of it": ["0.5", "0.5", "0.5"],
        "thirds of one digit": ["0.3", "0.3", "0.3"],
        "thirds too far off": ["0.33", "0.33", "0.30"],
        "off by little, but exact": ["0.50", "0.53"],
        "negative": ["-0.5", "-0.5"],
    }.items():
        allocations = [{"underlying_currency": f"C{index}", "weight": w} for index, w in enumerate(weights)]
        change = _set(("allocations",), allocations)
        yield _row(f"weights: {name}", "operations", change, "/allocations", "weights_sum")


def _fills() -> Iterator[Broken]:
    """An executed instruction has all of its post-fill fields, whatever the execution's status."""

    def unfilled(document: Document) -> None:
        document["status"] = "awaiting_execution"
        for name in ("price", "quantity", "total_notional", "trade_ids", "executed_at"):
            del document["instructions"][1][name]

    yield _row(
        "executed and not filled at all", "executions", unfilled, "/instructions/1/price", "missing_field"
    )
