"""A service's pure middle, as the shared machine calls it: plain functions, bundled."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final, Generic, NamedTuple, TypeVar

from libs.contracts.names import is_companion
from libs.ledger.document import Fields
from libs.ledger.fact import Fact, Identity
from libs.ledger.invalid import Invalid
from libs.ledger.reading import Document
from libs.ledger.tallies import Tally
from libs.ledger.verdict import Verdict

S = TypeVar("S")


class Derived(NamedTuple):
    """A derived event to be: its name such as ``operation.completed``, and its data."""

    name: str
    data: dict[str, Any]


class Notice(NamedTuple):
    """Something another service must know: an event for its input topic, under its routing key."""

    service: str
    routing_key: str
    body: dict[str, Any]


class Entry(NamedTuple):
    """Something for one of an entity's append-only streams: the stream's name, and the fields as text."""

    stream: str
    fields: Fields


_NO_TABLES: Final[Mapping[str, Fields]] = MappingProxyType({})


class View(NamedTuple):
    """A state as it is stored: hash fields, the same as compact JSON, and the sorted sets it belongs to.

    ``optional`` names the hash fields that the entity may lose again; ``tables`` are hashes beside its own, by name.
    ``gone`` says that it was deleted: what is left are the fold's own fields.
    """

    fields: Fields
    json: bytes
    indexes: frozenset[tuple[str, str]]
    optional: frozenset[str] = frozenset()
    tables: Mapping[str, Fields] = _NO_TABLES
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Watch:
    """Entities for which time matters, and what to send to the input topic once it does.

    ``index`` (a field and its value) names the sorted set that they are in; ``due`` is given an entity's id, its hash,
    its companion's (empty where there is none) and the time in ms, and answers with the event to send, None as long as
    there is none. ``routing_key`` tells whose it is from its id and its hash.
    """

    index: tuple[str, str]
    due: Callable[[str, Mapping[str, str], Mapping[str, str], int], dict[str, Any] | None]
    routing_key: Callable[[str, Mapping[str, str]], str] = lambda subject, _: subject


def _nothing(*_: Any) -> tuple[()]:
    return ()


def _no_attributes(*_: Any) -> Mapping[str, int | str]:
    return {}


def _unknown(*_: Any) -> str:
    raise Invalid("missing_subject", "the record does not say what it is about")


def _forgotten(*_: Any) -> None:
    return None


@dataclass(frozen=True)
class Aggregate(Generic[S]):
    """What makes one service different from another.

    ``identify`` and ``validate`` raise Invalid. A body whose bytes match ``plain`` needs neither ``validate`` nor
    ``observe``, but ``check``, which raises Invalid for what no pattern can tell. ``fold`` decides, ``evolve`` acts on
    the decision, ``derive`` tells what follows from it; none of them knows a clock. ``restore`` undoes ``render``.
    ``evolve`` and ``render`` also take a late or conflicting fact as one that is applied to the initial state, an
    unknown status in it or not: what it claims is told by that.
    ``tally`` says what a change, and the events that follow from it, add to the partition's counters.
    ``enter`` gives what a fact adds to the entity's streams, ``watch`` says where time has to be told.
    ``companion`` is what the entities of one routing key share. It evolves with each of their facts, before them;
    ``extend`` names attributes for the log record then, from which alone ``recollect`` tells an entity's history what
    the companion was. ``find`` names the entity of a fact by the companion where its body does not, or raises Invalid.
    ``memory`` bounds how many accepted facts an entity remembers for telling duplicates; None = all.
    ``tells`` names the services that ``notify`` writes to, ``clock`` the field with the source's time.
    """

    service: str
    identify: Callable[[Document, bytes | None], Identity]
    validate: Callable[[Document], None]
    observe: Callable[[Document, bytes], Fact]
    initial: Callable[[str], S]
    fold: Callable[[S, Fact], Verdict]
    evolve: Callable[[S, Fact, Verdict], S]
    derive: Callable[[S, S, Fact, Verdict], Sequence[Derived]]
    render: Callable[[S], View]
    restore: Callable[[str, Mapping[str, str]], S]
    plain: re.Pattern[bytes] | None = None
    check: Callable[[Document], object] = _nothing
    notify: Callable[[S, Fact, Verdict], Sequence[Notice]] = _nothing
    tally: Callable[[S, S, Sequence[Derived]], Iterable[Tally]] = _nothing
    enter: Callable[[Fact, Verdict], Sequence[Entry]] = _nothing
    watch: Watch | None = None
    companion: Aggregate[Any] | None = None
    extend: Callable[[S, S], Mapping[str, int | str]] = _no_attributes
    recollect: Callable[[Mapping[str, Any]], Any] = _forgotten
    find: Callable[[Any, Fact], str] = _unknown
    memory: int | None = None
    tells: tuple[str, ...] = ()
    clock: str = "updated_at"

    def part(self, subject: str) -> Aggregate[Any]:
        """The functions for a subject: its companion's for an id that is the companion's own."""
        if self.companion is not None and is_companion(self.service, subject):
            return self.companion
        return self
