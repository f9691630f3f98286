"""Derived events as CloudEvents."""

from __future__ import annotations

import hashlib
from typing import Any, Final, NamedTuple
from uuid import NAMESPACE_URL, uuid5

import orjson

from tests.bench.subjects.quix_streams.contract import Document
from tests.bench.subjects.quix_streams.output import Headers, Output
from tests.bench.subjects.quix_streams.times import in_utc

Derived = list[tuple[str, dict[str, Any]]]
"""Names such as ``execution.created``, and their data."""

_NAMESPACE: Final = uuid5(NAMESPACE_URL, "stratafold").bytes
_VARIANT: Final = dict(zip("0123456789abcdef", "89ab" * 4, strict=True))
_HEADERS: Final[Headers] = [("content-type", b"application/cloudevents+json")]


class Place(NamedTuple):
    """Where an input lies, and when it came by the broker's clock: RFC 3339."""

    topic: str
    partition: int
    offset: int
    recorded: str

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}/{self.offset}"


def events(place: Place, execution_id: str, body: Document, derived: Derived, before: int) -> list[Output]:
    """Envelopes of what follows from an input; ``before`` is the sequence of the execution's last event."""
    cause, *ids = _identifiers(place, len(derived) + 1)
    shared = {
        "specversion": "1.0",
        "source": "/stratafold/executions",
        "subject": execution_id,
        "time": in_utc(body["updated_at"]),
        "recordedtime": place.recorded,
        "partitionkey": execution_id,
        "correlationid": body["operation_id"].lower(),
        "causationid": cause,
        "datacontenttype": "application/json",
    }
    key = execution_id.encode()
    outputs = []
    for sequence, (event_id, (name, data)) in enumerate(zip(ids, derived, strict=True), before + 1):
        event = {
            **shared,
            "id": event_id,
            "type": f"stratafold.{name}.v1",
            "sequence": sequence,
            "data": data,
        }
        value = orjson.dumps(event)
        outputs.append(Output("executions.events", key, value, _HEADERS, place.partition))
    return outputs


def _identifiers(place: Place, count: int) -> list[str]:
    """uuid5 of the place and 0, 1, 2 …; made by hand, for ``uuid.uuid5`` and ``str`` take three times as long."""
    begun = hashlib.sha1(_NAMESPACE + f"{place}/".encode(), usedforsecurity=False)
    found = []
    for index in range(count):
        one = begun.copy()
        one.update(b"%d" % index)
        h = one.hexdigest()
        found.append(f"{h[:8]}-{h[8:12]}-5{h[13:16]}-{_VARIANT[h[16]]}{h[17:20]}-{h[20:32]}")
    return found
