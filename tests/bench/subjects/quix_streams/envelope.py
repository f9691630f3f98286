"""Derived events as CloudEvents."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import orjson

from tests.bench.subjects.quix_streams.contract import Document
from tests.bench.subjects.quix_streams.output import Headers, Output
from tests.bench.subjects.quix_streams.times import milliseconds, rfc3339

Derived = list[tuple[str, dict[str, Any]]]
"""Names such as ``execution.created``, and their data."""

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "stratafold").bytes
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
_HEADERS: Final[Headers] = [("content-type", b"application/cloudevents+json")]


class Place(NamedTuple):
    """Where an input lies, and when it came: ms by the broker's clock."""

    topic: str
    partition: int
    offset: int
    recorded: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def events(place: Place, execution_id: str, body: Document, derived: Derived, before: int) -> list[Output]:
    """Envelopes of what follows from an input; ``before`` is the sequence of the execution's last event."""
    cause = _identifier(place, 0)
    shared = {
        "specversion": "1.0",
        "source": "/stratafold/executions",
        "subject": execution_id,
        "time": rfc3339(milliseconds(body["updated_at"])),
        "recordedtime": rfc3339(place.recorded),
        "partitionkey": execution_id,
        "correlationid": body["operation_id"].lower(),
        "causationid": cause,
        "datacontenttype": "application/json",
    }
    key = execution_id.encode()
    outputs = []
    for index, (name, data) in enumerate(derived, 1):
        event = {
            **shared,
            "id": _identifier(place, index),
            "type": f"stratafold.{name}.v1",
            "sequence": before + index,
            "data": data,
        }
        value = orjson.dumps(event)
        outputs.append(Output("executions.events", key, value, _HEADERS, place.partition))
    return outputs


def _identifier(place: Place, index: int) -> str:
    """A uuid5, made by hand: ``uuid.uuid5`` and ``str`` take three times as long."""
    name = f"{place.topic}/{place.partition}/{place.offset}/{index}"
    h = hashlib.sha1(_NAMESPACE + name.encode(), usedforsecurity=False).hexdigest()
    return f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}"
