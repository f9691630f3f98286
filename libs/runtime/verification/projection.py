"""One partition's keys in Redis compared with what they must hold. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from libs.runtime.verification.fingerprint import fingerprint

_SHOWN: Final = 60  # characters of a value
PUBLIC: Final = (b"input_offset", b"log_offset", b"owner", b"epoch", b"ready")


def differing_fields(
    wanted: Mapping[bytes, bytes], found: Mapping[bytes, bytes]
) -> Iterator[tuple[str, str]]:
    """The fields of a hash that differ, each with what is there and what should be."""
    for name in sorted(wanted.keys() | found.keys()):
        if wanted.get(name) != found.get(name):
            yield (
                name.decode(errors="replace"),
                f"{_shown(found.get(name))} instead of {_shown(wanted.get(name))}",
            )


def history_difference(wanted: Sequence[int], found: Sequence[bytes]) -> str | None:
    """What is wrong with a history, None where nothing is."""
    marks = [fingerprint(None, entry) for entry in found]
    if marks == list(wanted):
        return None
    if len(marks) != len(wanted):
        return f"{len(marks)} entries instead of {len(wanted)}"
    at = next(index for index, (one, other) in enumerate(zip(marks, wanted, strict=True)) if one != other)
    return f"entry {at} differs: {_shown(found[at])}"


def stream_difference(
    wanted: Sequence[int], found: Sequence[tuple[bytes, Mapping[bytes, bytes]]]
) -> str | None:
    """What is wrong with a stream, None where nothing is."""
    marks = [fingerprint(entry_id, None, [(n.decode(), v) for n, v in f.items()]) for entry_id, f in found]
    if marks == list(wanted):
        return None
    if len(marks) != len(wanted):
        return f"{len(marks)} entries instead of {len(wanted)}"
    at = next(index for index, (one, other) in enumerate(zip(marks, wanted, strict=True)) if one != other)
    return f"entry {found[at][0].decode()} differs"


def index_differences(
    wanted: Mapping[str, int], found: Sequence[tuple[bytes, float]]
) -> Iterator[tuple[str, str]]:
    """The members of a sorted set that are missing, too many or have another score."""
    there = {member.decode(errors="replace"): score for member, score in found}
    for member in sorted(wanted.keys() | there.keys()):
        if member not in there:
            yield member, "is missing"
        elif member not in wanted:
            yield member, "does not belong there"
        elif there[member] != wanted[member]:
            yield member, f"has the score {there[member]:.0f} instead of {wanted[member]}"


def strange_position_fields(position: Mapping[bytes, bytes]) -> Iterator[str]:
    """Fields of a position that nobody writes; those that begin with ``_`` are the runtime's own."""
    for name in position:
        if name not in PUBLIC and not name.startswith(b"_"):
            yield name.decode(errors="replace")


def number(value: Any) -> int | None:
    """An offset as Redis keeps it, None where it is none."""
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _shown(value: bytes | None) -> str:
    if value is None:
        return "nothing"
    text = value.decode(errors="replace")
    return repr(text[:_SHOWN]) + ("…" if len(text) > _SHOWN else "")
