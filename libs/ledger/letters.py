"""Dead letters: why an input was refused, where it lies, which are meant, which of equal ones is newest. Pure."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import Final

import orjson

from libs.contracts.names import SERVICES, Names
from libs.ledger.records import Headers

OURS: Final = ("error", "detail", "pointer", "source", "service", "at")
"""The headers that the worker puts first, in this order; the input's own follow."""

_PLACE: Final = re.compile(r"(.+)\.(in|dead)/([0-9]{1,9})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Letter:
    """A rejected input: why, where from (``topic/partition/offset``), and where it lies now; ``at`` is RFC 3339."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: Headers
    error: str
    detail: str
    pointer: str
    source: str
    service: str
    at: str

    @property
    def place(self) -> str:
        """``topic/partition/offset`` of the dead letter itself."""
        return f"{self.topic}/{self.partition}/{self.offset}"

    @property
    def content(self) -> bytes:
        """A digest of what was refused, wherever it came from: service, key, value and the input's own headers."""
        own = [[name, _hex(value)] for name, value in self.headers]
        whole = [service_of(self.topic), _hex(self.key), _hex(self.value), own]
        return hashlib.blake2b(orjson.dumps(whole), digest_size=16).digest()


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def service_of(topic: str) -> str:
    """The service of a `.dead` topic, whatever its namespace."""
    return topic.removesuffix(".dead").rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Place:
    """``topic/partition/offset`` of an input or of a letter (``stream`` is in or dead); ``text`` has the namespace."""

    service: str
    stream: str
    partition: int
    offset: int
    text: str

    @property
    def wanted(self) -> dict[str, str]:
        """Which letter it means, as `Wanted` has it."""
        return {"place" if self.stream == "dead" else "source": self.text}


def in_namespace(names: Names, typed: str) -> str:
    """A place as it is called in Kafka: whoever types one may leave the namespace out."""
    return typed if typed.startswith(names.topic("")) else names.topic(typed)


def place_of(names: Names, typed: str) -> Place | None:
    """The place that was typed; None for what is none."""
    found = _PLACE.fullmatch(in_namespace(names, typed))
    service = found[1].removeprefix(names.topic("")) if found else ""
    if not found or service not in SERVICES:
        return None
    partition, offset = int(found[3]), int(found[4])
    return Place(service, found[2], partition, offset, f"{found[1]}.{found[2]}/{partition}/{offset}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which letters are meant; None means any. ``source`` may be shortened to ``topic`` or ``topic/partition``.

    ``place`` is that of one letter itself.
    """

    error: str | None = None
    pointer: str | None = None
    source: str | None = None
    place: str | None = None

    def holds(self, one: Letter) -> bool:
        """Whether a letter is meant."""
        return (
            (self.error is None or one.error == self.error)
            and (self.pointer is None or one.pointer == self.pointer)
            and (self.source is None or f"{one.source}/".startswith(f"{self.source}/"))
            and (self.place is None or one.place == self.place)
        )


@dataclass(slots=True)
class Newest:
    """Of equal letters the newest: what is sent again and refused again leaves an equal one, to be sent but once."""

    _by_content: dict[bytes, tuple[str, int, int]] = field(default_factory=dict)
    seen: int = 0

    def add(self, one: Letter) -> bool:
        """Take a letter into account; whether it is the first of its equals."""
        self.seen += 1
        content, when = one.content, _when(one)
        known = self._by_content.get(content)
        self._by_content[content] = when if known is None else max(when, known)
        return known is None

    def holds(self, one: Letter) -> bool:
        """Whether a letter is the newest of its equals."""
        return self._by_content.get(one.content) == _when(one)

    def __len__(self) -> int:
        """How many different letters there are."""
        return len(self._by_content)


def _when(one: Letter) -> tuple[str, int, int]:
    return one.at, one.partition, one.offset
