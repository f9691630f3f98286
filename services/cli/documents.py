"""The JSON documents of a file: one a line, or spread over lines, or in arrays; each as the bytes that stand there."""

from __future__ import annotations

import json
import re
from codecs import getincrementaldecoder
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import IO, Any, Final

import orjson

_BOM: Final = b"\xef\xbb\xbf"
_SPACE: Final = re.compile(r"[ \t\r\n]*")
_NEXT: Final = re.compile(r"\n[\[{]")
# It is to find ends alone, and int() takes only 4,300 digits.
_DECODER: Final = json.JSONDecoder(parse_int=float)
_PIECE: Final = 4 * 1024 * 1024  # bytes: twice what any topic takes
_LONGEST: Final = 4 * 1024 * 1024  # characters of a document that is looked for its end
_AHEAD: Final = 64 * 1024  # characters


@dataclass(frozen=True, slots=True)
class Document:
    """A JSON object: the line that it begins in, its bytes as they stand, and what is in them."""

    line: int
    value: bytes
    parsed: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Unreadable:
    """Something that is no JSON object: the line, and why."""

    line: int
    why: str


def pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """The lines of a stream; one that is longer than any record may be comes in several pieces."""
    while piece := stream.readline(_PIECE):
        yield piece


def is_cut(piece: bytes) -> bool:
    """Whether the line goes on in the next piece, if there is one."""
    return len(piece) >= _PIECE and not piece.endswith(b"\n")


def documents(lines: Iterable[bytes]) -> Iterator[Document | Unreadable]:
    """Read ``pieces`` line by line, as long as each line is whole; from one on that is not, documents may span lines.

    After what is unreadable, reading goes on with the next line, or the next one that begins with a bracket. However
    long the file is, no more of it is held than a few times the largest document.
    """
    rest = iter(lines)
    number = 0
    for line in rest:
        number += 1
        line = line.removeprefix(_BOM) if number == 1 else line
        if not line.strip():
            continue
        if is_cut(line):
            yield from _spread(number, chain([line], rest))
            return
        one = _one(number, line)
        if isinstance(one, Document):
            yield one
        elif line.strip().startswith((b"{", b"[")) and (whole := _whole(line)) is not None:
            yield from _spread(number, [line] if whole else chain([line], rest))
        else:
            yield one


def _whole(line: bytes) -> bool | None:
    """Whether a value ends where the line ends; None where it can't be one that goes on in the next line either."""
    text = line.decode(errors="replace").strip()
    try:
        return _DECODER.raw_decode(text)[1] == len(text)
    except RecursionError:
        return None
    except json.JSONDecodeError as why:
        return False if why.pos >= len(text) else None


def _one(line: int, value: bytes) -> Document | Unreadable:
    value = value.strip()
    try:
        parsed = orjson.loads(value)
    except orjson.JSONDecodeError as why:
        return Unreadable(line, f"not JSON: {why}")
    if not isinstance(parsed, dict):
        return Unreadable(line, "not a JSON object")
    return Document(line, value, parsed)


def _spread(first: int, lines: Iterable[bytes]) -> Iterator[Document | Unreadable]:
    reader = _Reader(lines, first)
    at = reader.skip(0)
    while reader.char(at):
        began = reader.line(at)
        try:
            if reader.char(at) == "[":
                at = yield from reader.array(at)
            else:
                end = reader.end_of(at)
                yield reader.document(at, end)
                at = end
        except _Wrong as why:
            line = reader.line(why.at)
            whose = "" if line == began else f" (of what begins in line {began})"
            yield Unreadable(line, f"not JSON: {why}{whose}")
            at = reader.bracket(why.since)
        at = reader.skip(at)


class _Wrong(Exception):
    """What is no JSON: where, and from where on nothing was read yet."""

    def __init__(self, text: str, at: int, since: int) -> None:
        super().__init__(text)
        self.at = at
        self.since = since


class _Reader:
    """Finds where documents of a text begin and end, and in which lines; holds of it what is being read.

    Places are counted in characters from where the reading began.
    """

    def __init__(self, lines: Iterable[bytes], first: int) -> None:
        self._lines = iter(lines)
        # what is no UTF-8 is no JSON, which is found by whoever parses the same bytes
        self._decoder = getincrementaldecoder("utf-8")("surrogateescape")
        self._text = ""
        self._start = 0  # the place of the text that is held
        self._counted = 0
        self._line = first

    def _more(self, keep: int) -> bool:
        """Read on, at least as much again as is kept; what lies before ``keep`` is let go. False at the end."""
        # What is missing at the end of all is missed behind the last character.
        keep = max(keep - 1, self._start)
        self.line(keep)
        parts = [self._text[keep - self._start :]]
        wanted, came = max(_AHEAD, len(parts[0])), 0
        while came < wanted:
            line = next(self._lines, b"")
            parts.append(self._decoder.decode(line, final=not line))
            came += len(parts[-1])
            if not line:
                break
        self._text, self._start = "".join(parts), keep
        return came > 0

    @property
    def _end(self) -> int:
        return self._start + len(self._text)

    def char(self, at: int) -> str:
        """The character at a place, none at the end of all."""
        if at >= self._end:
            self._more(at)
        return self._text[at - self._start : at - self._start + 1]

    def skip(self, at: int) -> int:
        """The next place that is not white space."""
        while True:
            space = _SPACE.match(self._text, at - self._start)
            assert space is not None
            at = self._start + space.end()
            if at < self._end or not self._more(at):
                return at

    def bracket(self, since: int) -> int:
        """The next line that begins with one, or the end of all."""
        while True:
            found = _NEXT.search(self._text, since - self._start)
            if found:
                return self._start + found.start() + 1
            since = max(since, self._end - 1)  # a line may end there
            if not self._more(since):
                return self._end

    def end_of(self, at: int) -> int:
        """Where the value that begins here ends. Raises _Wrong."""
        while True:
            try:
                end = self._start + _DECODER.raw_decode(self._text, at - self._start)[1]
            except RecursionError:
                raise _Wrong("nested too deep", at, at) from None
            except json.JSONDecodeError as why:
                # it may be whole with what comes next
                wrong, said = self._start + why.pos, why.msg
                if self._end - at > _LONGEST:
                    said = f"{said}, or longer than {_LONGEST} characters"
                elif self._more(at):
                    continue
                raise _Wrong(said, min(wrong, self._end - 1), at) from None
            if end < self._end or end - at > _LONGEST or not self._more(at):  # a number may go on
                return end

    def line(self, at: int) -> int:
        """The line of a place; places are asked for mostly in order."""
        low, high = sorted((at - self._start, self._counted - self._start))
        between = self._text.count("\n", max(low, 0), high)
        self._line += between if at >= self._counted else -between
        self._counted = at
        return self._line

    def document(self, at: int, end: int) -> Document | Unreadable:
        """The value between two places, if it is an object."""
        value = self._text[at - self._start : end - self._start]
        return _one(self.line(at), value.encode(errors="surrogateescape"))

    def array(self, at: int) -> Generator[Document | Unreadable, None, int]:
        """The elements of the array that begins here; returns where it ends. Raises _Wrong."""
        at = self.skip(at + 1)
        if self.char(at) == "]":
            return at + 1
        while True:
            end = self.end_of(at)
            yield self.document(at, end)
            at = self.skip(end)
            match self.char(at):
                case ",":
                    at = self.skip(at + 1)
                case "]":
                    return at + 1
                case _:
                    raise _Wrong("Expecting ',' or ']' in an array", min(at, self._end - 1), end)
